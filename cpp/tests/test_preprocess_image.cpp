// Bounds, ISAs against one another, and errors; the values are checked against Pillow in Python.
// Each picture lies in a buffer of exactly its size, so that a sanitizer build sees any read past
// a row's or the picture's end.
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "check.hpp"
#include "error.hpp"
#include "image/preprocess_image.hpp"
#include "kernels/kernels.hpp"

using namespace emonet;

namespace {

struct Frame {
    std::unique_ptr<std::uint8_t[]> data, chroma;  // exact allocations
    Picture picture;
};

std::unique_ptr<std::uint8_t[]> noise(std::size_t n_bytes, unsigned seed) {
    auto bytes = std::make_unique<std::uint8_t[]>(n_bytes);
    for (std::size_t i = 0; i < n_bytes; ++i) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = static_cast<std::uint8_t>(seed >> 24);
    }
    return bytes;
}

Frame frame_of(PixelFormat format, int width, int height) {
    Frame frame;
    const bool nv12 = format == PixelFormat::nv12;
    const int bytes_per_pixel = nv12 ? 1 : format == PixelFormat::yuyv ? 2 : 3;
    frame.picture.format = format;
    frame.picture.width = width;
    frame.picture.height = height;
    frame.picture.stride = std::ptrdiff_t{width} * bytes_per_pixel;
    frame.data = noise(static_cast<std::size_t>(frame.picture.stride) * height, 1);
    frame.picture.data = frame.data.get();
    if (nv12) {
        frame.picture.chroma_stride = width;
        frame.chroma = noise(static_cast<std::size_t>(width) * height / 2, 2);
        frame.picture.chroma = frame.chroma.get();
    }
    return frame;
}

std::vector<std::uint8_t> resized(const Frame& frame, const std::optional<Box>& box,
                                  const Size& size, Isa isa) {
    std::vector<std::uint8_t> out(static_cast<std::size_t>(size.height) * size.width * 3);
    resize_image(frame.picture, box, size, kernels_for(isa).image, out.data());
    return out;
}

std::vector<float> prepared(const Frame& frame, const std::optional<Box>& box, const Size& size,
                            Isa isa) {
    std::vector<float> out(static_cast<std::size_t>(size.height) * size.width * 3);
    preprocess_image(frame.picture, box, size, {}, kernels_for(isa).image, out.data());
    return out;
}

void isas_agree(const Frame& frame, const std::optional<Box>& box, const Size& size) {
    const auto expected = prepared(frame, box, size, Isa::portable);
    for (Isa isa : available_isas()) {
        CHECK(prepared(frame, box, size, isa) == expected);
        CHECK(resized(frame, box, size, isa) == resized(frame, box, size, Isa::portable));
    }
}

void isas_agree_at_awkward_sizes() {
    const int sides[][2] = {{1, 1},     {1, 50},   {50, 1},   {5, 3},     {16, 16},
                            {17, 33},   {383, 40}, {385, 41}, {7, 900},   {900, 7},
                            {640, 480}, {98, 700}, {31, 200}, {1001, 77}, {2, 5000}};
    for (const auto& side : sides)
        for (const Size& size : {Size{1, 1}, Size{7, 7}, Size{64, 64}, Size{97, 97}, Size{7, 96},
                                 Size{65, 2}, Size{1, 33}}) {
            const int even_width = side[0] + side[0] % 2, even_height = side[1] + side[1] % 2;
            isas_agree(frame_of(PixelFormat::rgb, side[0], side[1]), {}, size);
            isas_agree(frame_of(PixelFormat::bgr, side[0], side[1]), {}, size);
            isas_agree(frame_of(PixelFormat::nv12, even_width, even_height), {}, size);
            isas_agree(frame_of(PixelFormat::yuyv, even_width, side[1]), {}, size);
        }
}

void boxes_at_the_corners_stay_inside() {
    for (PixelFormat format : {PixelFormat::rgb, PixelFormat::nv12, PixelFormat::yuyv}) {
        const Frame frame = frame_of(format, 102, 74);
        for (double width : {1.0, 2.0, 15.0, 16.0, 33.0})
            for (double height : {1.0, 5.0, 64.0}) {
                isas_agree(frame, Box{0, 0, width, height}, {24, 24});
                isas_agree(frame, Box{102 - width, 74 - height, width, height}, {24, 24});
                isas_agree(frame, Box{101 - width, 73 - height, width, height}, {24, 24});
            }
    }
}

void own_size_changes_nothing() {
    const Frame frame = frame_of(PixelFormat::rgb, 50, 50);
    for (Isa isa : available_isas()) {
        const auto same = resized(frame, {}, {50, 50}, isa);
        CHECK(std::memcmp(same.data(), frame.data.get(), same.size()) == 0);
    }
}

void an_upside_down_picture_is_read_backwards() {
    Frame frame = frame_of(PixelFormat::rgb, 50, 50);
    const auto upright = resized(frame, {}, {50, 50}, active_isa());
    frame.picture.data += 49 * frame.picture.stride;
    frame.picture.stride = -frame.picture.stride;
    const auto flipped = resized(frame, {}, {50, 50}, active_isa());
    CHECK(std::memcmp(upright.data(), flipped.data() + 49 * 150, 150) == 0);
    CHECK(std::memcmp(upright.data() + 49 * 150, flipped.data(), 150) == 0);
}

void bad_arguments_are_refused() {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const Frame frame = frame_of(PixelFormat::rgb, 40, 30);
    for (const Box& box : {Box{0, 0, 0, 1}, Box{-1, 0, 5, 5}, Box{0, 0, 41, 5}, Box{0, 26, 5, 5},
                           Box{nan, 0, 1, 1}, Box{0, 0, 1e308, 1}, Box{1e308, 0, 1e308, 1}})
        CHECK_THROWS(pixel_box(frame.picture, box).x, "ImageError");
    Picture picture = frame.picture;
    for (std::int64_t width : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{65536}}) {
        picture.width = width;
        CHECK_THROWS((check_sides(picture), 0), "ImageError");
    }
    CHECK_THROWS(checked_size(0, 1).height, "ImageError");
    CHECK_THROWS(checked_size(1, 0).height, "ImageError");
    CHECK_THROWS(checked_size(1, 4097).height, "ImageError");
    CHECK_THROWS((check_normalisation({{0, 0, 0}, {1, 0, 1}}), 0), "ImageError");
    CHECK_THROWS((check_normalisation({{nan, 0, 0}, {1, 1, 1}}), 0), "ImageError");
    CHECK_THROWS(pixel_format_from_name("rgba"), "ImageError");
    CHECK_THROWS(yuv_matrix_from_name(""), "ImageError");
    CHECK_THROWS(yuv_range_from_name("pc"), "ImageError");
}

}  // namespace

int main() {
    isas_agree_at_awkward_sizes();
    boxes_at_the_corners_stay_inside();
    own_size_changes_nothing();
    an_upside_down_picture_is_read_backwards();
    bad_arguments_are_refused();
    return test::report("preprocess_image");
}
