#include "image/preprocess_image.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "error.hpp"

namespace emonet {

Size checked_size(std::int64_t height, std::int64_t width) {
    for (std::int64_t side : {height, width})
        if (side < 1 || side > 4096)
            throw Error("ImageError", "size must be 1 to 4096 pixels; got " + std::to_string(side) +
                                          "; pass the encoder's input size, usually 384");
    return {static_cast<int>(height), static_cast<int>(width)};
}

void check_normalisation(const Normalisation& normalisation) {
    for (int c = 0; c < 3; ++c) {
        const double mean = normalisation.mean[c], std = normalisation.std[c];
        if (!std::isfinite(mean))
            throw Error("ImageError", "mean must be three finite numbers; got " +
                                          std::to_string(mean) + "; use the manifest's");
        if (!std::isfinite(std) || std <= 0)
            throw Error("ImageError", "std must be three finite numbers above 0; got " +
                                          std::to_string(std) + "; use the manifest's");
    }
}

void resize_image(const Picture& picture, const std::optional<Box>& box, const Size& size,
                  const ImageKernels& kernels, std::uint8_t* out) {
    const std::ptrdiff_t n_bytes = std::ptrdiff_t{size.width} * 3;
    const bool blue_first = picture.format == PixelFormat::bgr;
    resize_box(picture, pixel_box(picture, box), size, kernels,
               [&](int y, const std::uint8_t* row) {
                   std::uint8_t* const target = out + y * n_bytes;
                   std::memcpy(target, row, n_bytes);
                   if (blue_first)
                       for (std::ptrdiff_t i = 0; i < n_bytes; i += 3)
                           std::swap(target[i], target[i + 2]);
               });
}

void preprocess_image(const Picture& picture, const std::optional<Box>& box, const Size& size,
                      const Normalisation& normalisation, const ImageKernels& kernels, float* out) {
    // Bytes keep their order through the resize; where blue comes first it goes to the last plane.
    const int first_channel = picture.format == PixelFormat::bgr ? 2 : 0;
    float scale[3], offset[3];
    std::ptrdiff_t plane[3];
    for (int i = 0; i < 3; ++i) {
        const int c = std::abs(first_channel - i);
        scale[i] = static_cast<float>(1 / (255 * normalisation.std[c]));
        offset[i] = static_cast<float>(-normalisation.mean[c] / normalisation.std[c]);
        plane[i] = std::ptrdiff_t{c} * size.height * size.width;
    }
    resize_box(picture, pixel_box(picture, box), size, kernels,
               [&](int y, const std::uint8_t* row) {
                   float* const line = out + std::ptrdiff_t{y} * size.width;
                   float* const planes[3] = {line + plane[0], line + plane[1], line + plane[2]};
                   kernels.normalise_row(row, size.width, scale, offset, planes);
               });
}

}  // namespace emonet
