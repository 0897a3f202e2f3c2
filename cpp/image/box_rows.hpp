#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "image/picture.hpp"

namespace emonet {

using FourRows = std::array<const std::uint8_t*, 4>;

/// The rows of a box as three interleaved bytes a pixel. Packed pictures are read in place; YUV
/// rows are converted four at a time, and only inside the box.
class BoxRows {
  public:
    BoxRows(const Picture& picture, const PixelBox& box, const ImageKernels& kernels);

    /// Rows y..y+3 of the box, [box.width, 3] each, valid until the next call. Past the end of the
    /// box the last row is repeated.
    FourRows at(int y);

  private:
    const std::uint8_t* converted(int y, std::uint8_t* rgb) const;

    const Picture& picture_;
    const PixelBox box_;
    const ImageKernels& kernels_;
    YuvCoefficients coefficients_{};
    int even_x_ = 0, even_width_ = 0;     // the box widened to whole chroma pairs
    std::vector<std::uint8_t> buffer_;    // [4, even_width, 3]
};

}  // namespace emonet
