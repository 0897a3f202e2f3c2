#pragma once

#include <cstdint>

namespace emonet {

inline constexpr float largest_half = 65504.0f;

/// Round to nearest, ties to even; finite values up to largest_half only.
std::uint16_t half_from_float(float value);

float float_from_half(std::uint16_t half);

}  // namespace emonet
