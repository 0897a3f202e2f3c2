#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "image/yuv.hpp"

namespace emonet {

enum class PixelFormat { rgb, bgr, nv12, yuyv };

/// A borrowed picture; only ever read. The pixels of a row lie side by side, the rows `stride`
/// bytes apart (negative where a picture stands on its head).
struct Picture {
    PixelFormat format = PixelFormat::rgb;
    std::int64_t width = 0, height = 0;  // pixels
    const std::uint8_t* data = nullptr;  // [height, width, 3]; nv12: Y [height, width];
                                         // yuyv: [height, width / 2, 4] as Y0 U Y1 V
    std::ptrdiff_t stride = 0;
    const std::uint8_t* chroma = nullptr;  // nv12 only: [height / 2, width / 2, 2] as U V
    std::ptrdiff_t chroma_stride = 0;
    YuvMatrix matrix = YuvMatrix::bt601;
    YuvRange range = YuvRange::limited;
};

/// Whole pixels inside a picture.
struct PixelBox {
    int x, y, width, height;
};

/// x, y, width, height in pixels from the top left.
using Box = std::array<double, 4>;

/// Parses a name; throws ImageError naming the choices.
PixelFormat pixel_format_from_name(const std::string& name);
YuvMatrix yuv_matrix_from_name(const std::string& name);
YuvRange yuv_range_from_name(const std::string& name);

/// Throws ImageError unless the sides are 1..65535, and even where the format halves its chroma.
void check_sides(const Picture& picture);

/// The box rounded outward to whole pixels; the whole picture where there is none. Throws
/// ImageError unless it is finite, not empty and wholly inside. A thousandth of a pixel counts as
/// rounding noise: a detector that clips in float32 is off by that much.
PixelBox pixel_box(const Picture& picture, const std::optional<Box>& box);

}  // namespace emonet
