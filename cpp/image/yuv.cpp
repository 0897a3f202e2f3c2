#include "image/yuv.hpp"

#include <cmath>

namespace emonet {
namespace {

std::int16_t fixed_point(double coefficient) {
    return static_cast<std::int16_t>(std::lround(coefficient * 8192));
}

}  // namespace

YuvCoefficients yuv_coefficients(YuvMatrix matrix, YuvRange range) {
    const bool limited = range == YuvRange::limited;
    const double kr = matrix == YuvMatrix::bt601 ? 0.299 : 0.2126;
    const double kb = matrix == YuvMatrix::bt601 ? 0.114 : 0.0722;
    const double kg = 1 - kr - kb;
    const double luma = limited ? 255.0 / 219 : 1;
    const double chroma = limited ? 255.0 / 224 : 1;
    const double rv = 2 * (1 - kr) * chroma;
    const double bu = 2 * (1 - kb) * chroma;
    return {static_cast<std::int16_t>(limited ? 16 : 0),
            fixed_point(luma),
            fixed_point(rv),
            fixed_point(-bu * kb / kg),
            fixed_point(-rv * kr / kg),
            fixed_point(bu)};
}

}  // namespace emonet
