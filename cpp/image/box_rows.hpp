#pragma once

#include <cstdint>

#include "image/picture.hpp"

namespace emonet {

/// The rows of a box as three interleaved bytes a pixel. Packed pictures are read in place; YUV
/// rows are converted one at a time, and only inside the box.
class BoxRows {
  public:
    BoxRows(const Picture& picture, const PixelBox& box, const ImageKernels& kernels);

    int n_rows() const { return box_.height; }
    /// What `row` needs as its buffer; 0 where rows are read in place.
    int buffer_bytes() const { return even_width_ * 3; }

    /// Row y of the box, [box.width, 3]: in the picture, or converted into `buffer`.
    const std::uint8_t* row(int y, std::uint8_t* buffer) const;

  private:
    const Picture& picture_;
    const PixelBox box_;
    const ImageKernels& kernels_;
    YuvCoefficients coefficients_{};
    int even_x_ = 0, even_width_ = 0;  // of YUV: the box widened to whole chroma pairs
};

}  // namespace emonet
