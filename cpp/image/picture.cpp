#include "image/picture.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "error.hpp"

namespace emonet {
namespace {

constexpr std::int64_t max_side = 65535;
constexpr double noise = 1e-3;

[[noreturn]] void refuse(const std::string& rule, const std::string& value,
                         const std::string& remedy) {
    throw Error("ImageError", rule + "; got " + value + "; " + remedy);
}

std::string sides_of(const Picture& picture) {
    return std::to_string(picture.width) + "x" + std::to_string(picture.height);
}

std::string text_of(const Box& box) {
    std::ostringstream text;
    text.precision(10);
    text << "(" << box[0] << ", " << box[1] << ", " << box[2] << ", " << box[3] << ")";
    return text.str();
}

template <class Value, std::size_t n>
Value choice(const char* what, const std::string& name,
             const std::pair<const char*, Value> (&choices)[n]) {
    std::string names;
    for (const auto& [known, value] : choices) {
        if (name == known) return value;
        names += (names.empty() ? "" : ", ") + std::string(known);
    }
    refuse(std::string(what) + " must be one of " + names, "'" + name + "'",
           "pass the one that the frame was made with");
}

void check_box(const Picture& picture, const Box& box) {
    const std::string rule = "box must be (x, y, width, height) in pixels";
    for (double value : box)
        if (!std::isfinite(value))
            refuse(rule + ", all finite", text_of(box), "skip this detection");
    if (!(box[2] > 0 && box[3] > 0))
        refuse(rule + " with a width and height above 0", text_of(box),
               "pass None for the whole picture");
    if (box[0] < -noise || box[1] < -noise ||
        box[0] + box[2] > static_cast<double>(picture.width) + noise ||
        box[1] + box[3] > static_cast<double>(picture.height) + noise)
        refuse(rule + " wholly inside the picture of " + sides_of(picture), text_of(box),
               "clip it to the picture first");
}

/// [start, start + length) rounded outward, within [0, side).
std::pair<int, int> outward(double start, double length, std::int64_t side) {
    const int end = static_cast<int>(side);
    const int first = std::clamp(static_cast<int>(std::floor(start + noise)), 0, end - 1);
    const int last =
        std::clamp(static_cast<int>(std::ceil(start + length - noise)), first + 1, end);
    return {first, last - first};
}

}  // namespace

PixelFormat pixel_format_from_name(const std::string& name) {
    return choice<PixelFormat>("color", name,
                               {{"rgb", PixelFormat::rgb},
                                {"bgr", PixelFormat::bgr},
                                {"nv12", PixelFormat::nv12},
                                {"yuyv", PixelFormat::yuyv}});
}

YuvMatrix yuv_matrix_from_name(const std::string& name) {
    return choice<YuvMatrix>("matrix", name,
                             {{"bt601", YuvMatrix::bt601}, {"bt709", YuvMatrix::bt709}});
}

YuvRange yuv_range_from_name(const std::string& name) {
    return choice<YuvRange>("range", name,
                            {{"limited", YuvRange::limited}, {"full", YuvRange::full}});
}

void check_sides(const Picture& picture) {
    if (picture.width < 1 || picture.height < 1)
        refuse("a picture must have at least one pixel", sides_of(picture) + " (width x height)",
               "check what the camera or decoder returned");
    if (picture.width > max_side || picture.height > max_side)
        refuse("a picture's sides must not exceed 65535 pixels", sides_of(picture),
               "reduce or tile it first");
    const bool halves_width =
        picture.format == PixelFormat::nv12 || picture.format == PixelFormat::yuyv;
    if (halves_width && picture.width % 2 != 0)
        refuse("nv12 and yuyv pictures must have an even width", std::to_string(picture.width),
               "pass width= where the rows are padded");
    if (picture.format == PixelFormat::nv12 && picture.height % 2 != 0)
        refuse("nv12 pictures must have an even height", std::to_string(picture.height),
               "drop the last row of Y");
}

PixelBox pixel_box(const Picture& picture, const std::optional<Box>& box) {
    if (!box) return {0, 0, static_cast<int>(picture.width), static_cast<int>(picture.height)};
    check_box(picture, *box);
    const auto [x, width] = outward((*box)[0], (*box)[2], picture.width);
    const auto [y, height] = outward((*box)[1], (*box)[3], picture.height);
    return {x, y, width, height};
}

}  // namespace emonet
