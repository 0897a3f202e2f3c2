// Plain loops: the definition that the other bodies must equal. Included inside an ISA's namespace.
#pragma once

namespace image {
namespace {

constexpr int yuv_bits = 13;
constexpr std::int32_t yuv_half = 1 << (yuv_bits - 1);

inline std::uint8_t yuv_clip(std::int32_t sum) {
    const std::int32_t value = (sum + yuv_half) >> yuv_bits;
    return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

inline void plain_yuv_pixel(int y, int u, int v, const YuvCoefficients& k, std::uint8_t* rgb) {
    const std::int32_t luma = k.ky * (y - k.y_offset);
    rgb[0] = yuv_clip(luma + k.k_rv * (v - 128));
    rgb[1] = yuv_clip(luma + k.k_gu * (u - 128) + k.k_gv * (v - 128));
    rgb[2] = yuv_clip(luma + k.k_bu * (u - 128));
}

inline void plain_nv12_row(const std::uint8_t* y, const std::uint8_t* uv, int n,
                           const YuvCoefficients& k, std::uint8_t* rgb) {
    for (int i = 0; i < n; ++i)
        plain_yuv_pixel(y[i], uv[i / 2 * 2], uv[i / 2 * 2 + 1], k, rgb + 3 * i);
}

inline void plain_yuyv_row(const std::uint8_t* yuyv, int n, const YuvCoefficients& k,
                           std::uint8_t* rgb) {
    for (int i = 0; i < n; ++i) {
        const std::uint8_t* pair = yuyv + i / 2 * 4;
        plain_yuv_pixel(pair[i % 2 * 2], pair[1], pair[3], k, rgb + 3 * i);
    }
}

}  // namespace
}  // namespace image
