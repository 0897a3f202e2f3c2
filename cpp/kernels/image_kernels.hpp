#pragma once

#include <cstdint>

namespace emonet {

/// The coefficients of one axis, in 22-bit fixed point, each split exactly as (hi << 11) + lo so
/// that 16-bit multiply-adds give the exact 32-bit sum: 0 <= hi <= 2048, 0 <= lo < 2048.
struct ResampleTaps {
    const std::int32_t* first;         // [n_out] the first input pixel of each output pixel
    const std::int32_t* count;         // [n_out] how many input pixels it takes, at least 1
    const std::int16_t* coefficients;  // [n_out, n_groups, 8]: hi of four taps, then lo of them;
                                       // taps from `count` on are 0
    int n_out;
    int n_groups;  // of four taps, enough for the largest count
};

/// The integer form of a YUV to RGB conversion; see image/yuv.hpp for the formula.
struct YuvCoefficients {
    std::int16_t y_offset;                    // 16 (limited range) or 0 (full range)
    std::int16_t ky, k_rv, k_gu, k_gv, k_bu;  // times 8192
};

/// Pixels are interleaved bytes [n, 3]. Integer results are the same on every ISA; the floats too,
/// because each is one multiplication and one addition, both rounded.
struct ImageKernels {
    /// Output pixels [begin, end) of four rows. rows[i] starts with input pixel `origin`.
    /// Reads up to 3 * (first[end - 1] + 4 * n_groups - origin) + 4 bytes of each row, and writes
    /// one byte past the last pixel.
    void (*resample_four_rows)(const ResampleTaps& taps, int begin, int end, int origin,
                               const std::uint8_t* const* rows, std::uint8_t* const* out);

    /// out[i] = sum over rows of coefficient * row[i], rounded and clipped to 8 bits, for n_bytes
    /// (a multiple of 32). `coefficients` is one output's [n_groups, 8] as above.
    void (*blend_rows)(const std::uint8_t* const* rows, int count, const std::int16_t* coefficients,
                       int n_bytes, std::uint8_t* out);

    /// planes[c][i] = float(pixels[3 * i + c]) * scale[c] + offset[c] for n pixels.
    void (*normalise_row)(const std::uint8_t* pixels, int n, const float* scale,
                          const float* offset, float* const* planes);

    /// n pixels (even) to RGB. y: [n], uv: [n / 2, 2].
    void (*nv12_row)(const std::uint8_t* y, const std::uint8_t* uv, int n, const YuvCoefficients& k,
                     std::uint8_t* rgb);

    /// n pixels (even) to RGB. yuyv: [n / 2, 4].
    void (*yuyv_row)(const std::uint8_t* yuyv, int n, const YuvCoefficients& k, std::uint8_t* rgb);
};

}  // namespace emonet
