#pragma once

#include <cstdint>
#include <functional>

#include "image/picture.hpp"
#include "kernels/image_kernels.hpp"

namespace emonet {

/// Sides of a result in pixels.
struct Size {
    int height, width;
};

/// Takes row y of the result, [size.width, 3] in the byte order of the picture, valid during the
/// call.
using TakeRow = std::function<void(int y, const std::uint8_t* row)>;

/// Whether the columns are resized before the rows. Each pass rounds to 8 bits, so the order can
/// change a value by one. This is the order of Pillow 13, found by bisecting for its border; older
/// versions took the rows first, the last of them except for extremely tall pictures.
bool columns_first(const PixelBox& box, const Size& size);

/// Resizes a box to `size` in two passes, each rounded to 8 bits, as Pillow does. Between them
/// there are only about as many rows as one row of the result needs (2 * box.height / size.height),
/// never the whole picture.
void resize_box(const Picture& picture, const PixelBox& box, const Size& size,
                const ImageKernels& kernels, const TakeRow& take_row);

}  // namespace emonet
