#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "image/picture.hpp"
#include "image/resize_box.hpp"
#include "kernels/image_kernels.hpp"

namespace emonet {

/// (x / 255 - mean) / std per channel, in the order red, green, blue.
struct Normalisation {
    std::array<double, 3> mean{0.5, 0.5, 0.5};
    std::array<double, 3> std{0.5, 0.5, 0.5};
};

/// Throws ImageError unless each side of the result is 1..4096 pixels.
Size checked_size(std::int64_t height, std::int64_t width);

/// Throws ImageError unless all are finite and every std is above 0.
void check_normalisation(const Normalisation& normalisation);

/// The box of a picture, resized: out is [height, width, 3], red first, 8 bits. Bit-equal to
/// Pillow's crop(box).resize((width, height), BILINEAR).
void resize_image(const Picture& picture, const std::optional<Box>& box, const Size& size,
                  const ImageKernels& kernels, std::uint8_t* out);

/// The same, normalised: out is [3, height, width], red first.
void preprocess_image(const Picture& picture, const std::optional<Box>& box, const Size& size,
                      const Normalisation& normalisation, const ImageKernels& kernels, float* out);

}  // namespace emonet
