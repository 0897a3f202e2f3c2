#pragma once

#include "kernels/image_kernels.hpp"

namespace emonet {

enum class YuvMatrix { bt601, bt709 };
enum class YuvRange { limited, full };

/// The integer conversion, for 8-bit Y, U, V (all sums are exact in 32 bits):
///
///   C = Y - y_offset,  D = U - 128,  E = V - 128
///   R = clip((ky C + k_rv E          + 4096) >> 13)
///   G = clip((ky C + k_gu D + k_gv E + 4096) >> 13)
///   B = clip((ky C + k_bu D          + 4096) >> 13)
///
/// where the coefficients are round(8192 x) of the real ones. Those follow from the luma weights
/// Kr, Kb (ITU-R BT.601-7: 0.299, 0.114; BT.709-6: 0.2126, 0.0722) with Kg = 1 - Kr - Kb:
///
///   x_y = sy, x_rv = 2 (1 - Kr) sc, x_bu = 2 (1 - Kb) sc,
///   x_gv = -x_rv Kr / Kg, x_gu = -x_bu Kb / Kg
///
/// with sy = 255/219, sc = 255/224, y_offset = 16 in limited range and 1, 1, 0 in full range.
YuvCoefficients yuv_coefficients(YuvMatrix matrix, YuvRange range);

}  // namespace emonet
