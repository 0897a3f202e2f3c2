#include "heads/quantized_batch.hpp"

#include <algorithm>
#include <limits>

#include "heads/layer_layout.hpp"
#include "heads/thread_pool.hpp"

namespace emonet {

float activation_levels(std::size_t width) {
    const std::size_t fits =
        static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) / (127 * width);
    return static_cast<float>(std::min<std::size_t>(16383, fits));
}

QuantizedBatch::QuantizedBatch(std::size_t positions, std::size_t width, bool group_sums)
    : positions_(positions),
      width_(width),
      padded_width_(round_up(width, int4_group_width)),
      levels_(activation_levels(width)),
      wants_group_sums_(group_sums) {}

void QuantizedBatch::quantize(const Kernels& kernels, const float* values, std::size_t batch,
                              const float* mean, unsigned threads) {
    batch_ = batch;
    const std::size_t rows = batch * positions_;
    values_.resize(rows * padded_width_);
    scales_.resize(rows);
    if (wants_group_sums_) group_sums_.resize(rows * (padded_width_ / int4_group_width));
    constexpr std::size_t rows_per_unit = 64;  // about 10 us of work
    parallel_for((rows + rows_per_unit - 1) / rows_per_unit, threads, [&](std::size_t unit) {
        const std::size_t end = std::min(rows, (unit + 1) * rows_per_unit);
        for (std::size_t row = unit * rows_per_unit; row < end; ++row)
            quantize_row(kernels, values, mean, row);
    });
}

void QuantizedBatch::quantize_row(const Kernels& kernels, const float* values, const float* mean,
                                  std::size_t row) {
    std::int16_t* quantized = values_.data() + row * padded_width_;
    scales_[row] =
        kernels.heads.quantize_position(values + row * width_, mean + (row % positions_) * width_,
                                        width_, padded_width_, levels_, quantized);
    if (!wants_group_sums_) return;
    const std::size_t groups = padded_width_ / int4_group_width;
    for (std::size_t g = 0; g < groups; ++g) {
        std::int32_t sum = 0;
        for (std::size_t c = 0; c < int4_group_width; ++c)
            sum += quantized[g * int4_group_width + c];
        group_sums_[row * groups + g] = sum;
    }
}

QuantizedInputs QuantizedBatch::inputs() const {
    return {values_.data(), scales_.data(), group_sums_.data(), batch_, padded_width_};
}

std::size_t QuantizedBatch::bytes_per_input() const {
    return positions_ * (padded_width_ * sizeof(std::int16_t) + sizeof(float));
}

}  // namespace emonet
