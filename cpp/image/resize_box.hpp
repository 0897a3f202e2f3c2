#pragma once

#include <cstdint>
#include <functional>

#include "image/picture.hpp"
#include "kernels/image_kernels.hpp"

namespace emonet {

/// Takes row y of the result, [size, 3] in the byte order of the picture, valid during the call.
using TakeRow = std::function<void(int y, const std::uint8_t* row)>;

/// Resizes a box to size x size: rows first, rounded to 8 bits, then columns, as Pillow does. Both
/// passes go through a ring of as many rows as one row of the result needs, so that memory stays
/// bounded and in cache whatever the picture's size.
void resize_box(const Picture& picture, const PixelBox& box, int size, const ImageKernels& kernels,
                const TakeRow& take_row);

}  // namespace emonet
