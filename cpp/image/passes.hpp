#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "image/resample_axis.hpp"
#include "kernels/image_kernels.hpp"

namespace emonet {

using FourRows = std::array<const std::uint8_t*, 4>;
using FourTargets = std::array<std::uint8_t*, 4>;

/// Resizes rows along x, four at a time. The kernel reads a little past the pixels that it needs;
/// where that would leave the row it gets a padded copy of the row's end instead.
class RowPass {
  public:
    RowPass(const ResampleAxis& axis, const ImageKernels& kernels);

    /// rows: [axis.n_in, 3] each; out: [axis.n_out, 3] each and one byte of room.
    void operator()(const FourRows& rows, const FourTargets& out);

  private:
    std::ptrdiff_t bytes_read(int out, int origin) const;

    const int width_;
    const ResampleTaps taps_;
    const ImageKernels& kernels_;
    int split_ = 0;   // the first output pixel that is made from the padded ends
    int origin_ = 0;  // the input pixel that these start with
    std::ptrdiff_t end_stride_ = 0;
    std::vector<std::uint8_t> ends_;  // [4, end_stride]
};

/// Mixes the rows that one row of the result is made of. The kernel works on blocks of 32 bytes;
/// what is left of the rows goes through a padded copy.
class ColumnPass {
  public:
    ColumnPass(const ResampleAxis& axis, int n_bytes, const ImageKernels& kernels);

    /// rows: the axis.count(y) rows from axis.first(y) on, n_bytes each; out: n_bytes rounded up
    /// to a multiple of 32.
    void operator()(int y, const std::uint8_t* const* rows, std::uint8_t* out);

  private:
    const ResampleAxis& axis_;
    const int n_bytes_;
    const ImageKernels& kernels_;
    std::vector<std::uint8_t> ends_;             // [max_count, 32]
    std::vector<const std::uint8_t*> end_rows_;  // into ends_
};

/// Storage for the last rows, row y in slot y % n_slots.
class RowRing {
  public:
    RowRing(int row_bytes, int n_slots);
    std::uint8_t* slot(int y) { return rows_.data() + std::ptrdiff_t{y % n_slots_} * stride_; }

  private:
    const int stride_, n_slots_;
    std::vector<std::uint8_t> rows_;
};

}  // namespace emonet
