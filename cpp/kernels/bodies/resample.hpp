// Plain loops: the definition that the other bodies must equal. Included inside an ISA's namespace.
#pragma once

namespace image {
namespace {

constexpr int precision_bits = 22;
constexpr int split_bits = 11;
constexpr std::int32_t half = 1 << (precision_bits - 1);

inline std::int32_t coefficient(const std::int16_t* coefficients, int tap) {
    const std::int16_t* group = coefficients + (tap / 4) * 8 + tap % 4;
    return (std::int32_t{group[0]} << split_bits) + group[4];
}

inline std::uint8_t round_and_clip(std::int32_t sum) {
    const std::int32_t value = (sum + half) >> precision_bits;
    return static_cast<std::uint8_t>(value > 255 ? 255 : value);  // no coefficient is negative
}

inline void plain_resample_row(const ResampleTaps& taps, int begin, int end, int origin,
                               const std::uint8_t* row, std::uint8_t* out) {
    for (int x = begin; x < end; ++x) {
        const std::uint8_t* pixel = row + 3 * (taps.first[x] - origin);
        const std::int16_t* coefficients =
            taps.coefficients + std::ptrdiff_t{x} * taps.n_groups * 8;
        std::int32_t red = 0, green = 0, blue = 0;
        for (int tap = 0; tap < taps.count[x]; ++tap, pixel += 3) {
            const std::int32_t k = coefficient(coefficients, tap);
            red += k * pixel[0];
            green += k * pixel[1];
            blue += k * pixel[2];
        }
        out[3 * x] = round_and_clip(red);
        out[3 * x + 1] = round_and_clip(green);
        out[3 * x + 2] = round_and_clip(blue);
    }
}

inline void plain_resample_four_rows(const ResampleTaps& taps, int begin, int end, int origin,
                                     const std::uint8_t* const* rows, std::uint8_t* const* out) {
    for (int row = 0; row < 4; ++row)
        plain_resample_row(taps, begin, end, origin, rows[row], out[row]);
}

inline void plain_blend_rows(const std::uint8_t* const* rows, int count,
                             const std::int16_t* coefficients, int n_bytes, std::uint8_t* out) {
    constexpr int block = 32;
    for (int start = 0; start < n_bytes; start += block) {
        std::int32_t sums[block] = {};
        for (int tap = 0; tap < count; ++tap) {
            const std::int32_t k = coefficient(coefficients, tap);
            const std::uint8_t* row = rows[tap] + start;
            for (int i = 0; i < block; ++i) sums[i] += k * row[i];
        }
        for (int i = 0; i < block; ++i) out[start + i] = round_and_clip(sums[i]);
    }
}

inline void plain_normalise_row(const std::uint8_t* pixels, int n, const float* scale,
                                const float* offset, float* const* planes) {
    for (int i = 0; i < n; ++i)
        for (int c = 0; c < 3; ++c)
            planes[c][i] = static_cast<float>(pixels[3 * i + c]) * scale[c] + offset[c];
}

}  // namespace
}  // namespace image
