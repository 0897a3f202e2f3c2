#include "heads/half_float.hpp"

#include <cmath>
#include <cstring>

namespace emonet {

std::uint16_t half_from_float(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
    const float magnitude = std::fabs(value);
    if (magnitude < 6.103515625e-5f)  // subnormal: a multiple of 2^-24
        return static_cast<std::uint16_t>(sign | std::lrint(magnitude * 16777216.0f));
    const std::uint32_t rest = bits & 0x7fffffffu;
    const std::uint32_t rounded = rest + 0xfffu + ((rest >> 13) & 1u);
    return static_cast<std::uint16_t>(sign | ((rounded >> 13) - (112u << 10)));
}

float float_from_half(std::uint16_t half) {
    const int exponent = (half >> 10) & 0x1f;
    const int mantissa = half & 0x3ff;
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    return static_cast<float>(half & 0x8000 ? -magnitude : magnitude);
}

}  // namespace emonet
