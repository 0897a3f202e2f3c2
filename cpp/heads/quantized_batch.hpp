#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.hpp"

namespace emonet {

/// Inputs of quantized layers: at each position 15-bit integers and one scale.
///
/// q = min(16383, floor((2^31 - 1) / (127 x width))) levels, so that the integer dot product of
/// one position fits int32 whatever the weights are. 8 bits would cost 4 % of a head's spread;
/// these cost nothing, because the work is bound by reading the weights.
class QuantizedBatch {
  public:
    QuantizedBatch(std::size_t positions, std::size_t width, bool group_sums);

    /// Quantizes values [batch, positions, width] minus mean [positions, width].
    void quantize(const Kernels& kernels, const float* values, std::size_t batch, const float* mean,
                  unsigned threads);

    QuantizedInputs inputs() const;
    std::size_t bytes_per_input() const;

  private:
    void quantize_row(const Kernels& kernels, const float* values, const float* mean,
                      std::size_t row);

    std::size_t positions_;
    std::size_t width_;
    std::size_t padded_width_;
    float levels_;
    bool wants_group_sums_;
    std::size_t batch_ = 0;
    std::vector<std::int16_t> values_;
    std::vector<float> scales_;
    std::vector<std::int32_t> group_sums_;
};

/// The number of levels on each side of zero, as above.
float activation_levels(std::size_t width);

}  // namespace emonet
