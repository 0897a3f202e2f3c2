// The resize in 256-bit integer vectors, compiled for every x86 ISA. Included inside its namespace.
//
// A 22-bit coefficient does not fit the 16-bit multiply-add, so it comes split into hi and lo parts
// of 11 bits; both sums are exact and (hi << 11) + lo is the 32-bit sum of the plain loop.
#pragma once

namespace image {
namespace {

inline __m256i load_u8x32(const std::uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

inline __m256i load_u8x16_twice(const void* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}

inline __m256i join_i32x8(__m256i hi_i32x8, __m256i lo_i32x8) {
    return _mm256_add_epi32(_mm256_slli_epi32(hi_i32x8, split_bits), lo_i32x8);
}

inline __m256i round_i32x8(__m256i sum_i32x8) {
    return _mm256_srai_epi32(_mm256_add_epi32(sum_i32x8, _mm256_set1_epi32(half)), precision_bits);
}

/// Adds the two halves of each: [a low + a high | b low + b high].
inline __m256i add_halves_i32x8(__m256i a_i32x8, __m256i b_i32x8) {
    return _mm256_add_epi32(_mm256_permute2x128_si256(a_i32x8, b_i32x8, 0x20),
                            _mm256_permute2x128_si256(a_i32x8, b_i32x8, 0x31));
}

inline void store_u8x4(std::uint8_t* p, int bytes) { __builtin_memcpy(p, &bytes, 4); }

/// One step takes four pixels of a row as 16-bit pairs
///   [R0 R1 G0 G1 B0 B1 0 0 | R2 R3 G2 G3 B2 B3 0 0]
/// and four rows share one load of coefficients, whose table is larger than the first-level cache
/// leaves room for.
inline void resample_four_rows(const ResampleTaps& taps, int begin, int end, int origin,
                               const std::uint8_t* const* rows, std::uint8_t* const* out) {
    const __m256i pixel_pairs =
        _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                         6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    const __m256i hi_pairs =
        _mm256_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, -1, -1, -1, -1,  //
                         4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, -1, -1, -1, -1);
    const __m256i lo_pairs =
        _mm256_setr_epi8(8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11, -1, -1, -1, -1,  //
                         12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, -1, -1, -1, -1);
    const std::uint8_t* const row[4] = {rows[0], rows[1], rows[2], rows[3]};
    std::uint8_t* const target[4] = {out[0], out[1], out[2], out[3]};
    const std::int16_t* group = taps.coefficients + std::ptrdiff_t{begin} * taps.n_groups * 8;
    for (int x = begin; x < end; ++x) {
        std::ptrdiff_t at = 3 * std::ptrdiff_t{taps.first[x] - origin};
        __m256i hi_i32x8[4], lo_i32x8[4];
        const __m256i k_i16x16 = load_u8x16_twice(group);
        for (int r = 0; r < 4; ++r) {  // the first step has nothing to add to
            const __m256i pixels_i16x16 =
                _mm256_shuffle_epi8(load_u8x16_twice(row[r] + at), pixel_pairs);
            hi_i32x8[r] = _mm256_madd_epi16(pixels_i16x16, _mm256_shuffle_epi8(k_i16x16, hi_pairs));
            lo_i32x8[r] = _mm256_madd_epi16(pixels_i16x16, _mm256_shuffle_epi8(k_i16x16, lo_pairs));
        }
        group += 8;
        for (int g = 1; g < taps.n_groups; ++g, group += 8) {
            at += 12;
            const __m256i next_k_i16x16 = load_u8x16_twice(group);
            const __m256i k_hi_i16x16 = _mm256_shuffle_epi8(next_k_i16x16, hi_pairs);
            const __m256i k_lo_i16x16 = _mm256_shuffle_epi8(next_k_i16x16, lo_pairs);
            for (int r = 0; r < 4; ++r) {
                const __m256i pixels_i16x16 =
                    _mm256_shuffle_epi8(load_u8x16_twice(row[r] + at), pixel_pairs);
                hi_i32x8[r] =
                    _mm256_add_epi32(hi_i32x8[r], _mm256_madd_epi16(pixels_i16x16, k_hi_i16x16));
                lo_i32x8[r] =
                    _mm256_add_epi32(lo_i32x8[r], _mm256_madd_epi16(pixels_i16x16, k_lo_i16x16));
            }
        }
        __m256i sum_i32x8[4];
        for (int r = 0; r < 4; ++r) sum_i32x8[r] = join_i32x8(hi_i32x8[r], lo_i32x8[r]);
        const __m256i rows_01_i32x8 = round_i32x8(add_halves_i32x8(sum_i32x8[0], sum_i32x8[1]));
        const __m256i rows_23_i32x8 = round_i32x8(add_halves_i32x8(sum_i32x8[2], sum_i32x8[3]));
        const __m256i rows_0213_i16x16 = _mm256_packs_epi32(rows_01_i32x8, rows_23_i32x8);
        const __m256i rgb0_u8x32 = _mm256_packus_epi16(rows_0213_i16x16, rows_0213_i16x16);
        const __m128i rows_02_u8x16 = _mm256_castsi256_si128(rgb0_u8x32);
        const __m128i rows_13_u8x16 = _mm256_extracti128_si256(rgb0_u8x32, 1);
        store_u8x4(target[0] + 3 * x, _mm_cvtsi128_si32(rows_02_u8x16));
        store_u8x4(target[1] + 3 * x, _mm_cvtsi128_si32(rows_13_u8x16));
        store_u8x4(target[2] + 3 * x, _mm_extract_epi32(rows_02_u8x16, 1));
        store_u8x4(target[3] + 3 * x, _mm_extract_epi32(rows_13_u8x16, 1));
    }
}

inline __m256i pair_i16x16(const std::int16_t* pair) {
    int bits;
    __builtin_memcpy(&bits, pair, 4);
    return _mm256_set1_epi32(bits);
}

/// Lanes along the row, two rows at a time: bytes of both interleaved and widened are the pairs
/// that the multiply-add takes. An odd last row is paired with itself under a zero coefficient.
inline void blend_rows(const std::uint8_t* const* rows, int count, const std::int16_t* coefficients,
                       int n_bytes, std::uint8_t* out) {
    const __m256i zero = _mm256_setzero_si256();
    for (int x = 0; x < n_bytes; x += 32) {
        __m256i hi_i32x8[4], lo_i32x8[4];
        for (int i = 0; i < 4; ++i) hi_i32x8[i] = lo_i32x8[i] = zero;
        for (int tap = 0; tap < count; tap += 2) {
            const std::int16_t* pair = coefficients + (tap / 4) * 8 + tap % 4;
            const __m256i k_hi_i16x16 = pair_i16x16(pair);
            const __m256i k_lo_i16x16 = pair_i16x16(pair + 4);
            const __m256i a_u8x32 = load_u8x32(rows[tap] + x);
            const __m256i b_u8x32 = load_u8x32(rows[tap + 1 < count ? tap + 1 : tap] + x);
            const __m256i low_u8x32 = _mm256_unpacklo_epi8(a_u8x32, b_u8x32);
            const __m256i high_u8x32 = _mm256_unpackhi_epi8(a_u8x32, b_u8x32);
            const __m256i pairs_i16x16[4] = {
                _mm256_unpacklo_epi8(low_u8x32, zero), _mm256_unpackhi_epi8(low_u8x32, zero),
                _mm256_unpacklo_epi8(high_u8x32, zero), _mm256_unpackhi_epi8(high_u8x32, zero)};
            for (int i = 0; i < 4; ++i) {
                hi_i32x8[i] =
                    _mm256_add_epi32(hi_i32x8[i], _mm256_madd_epi16(pairs_i16x16[i], k_hi_i16x16));
                lo_i32x8[i] =
                    _mm256_add_epi32(lo_i32x8[i], _mm256_madd_epi16(pairs_i16x16[i], k_lo_i16x16));
            }
        }
        __m256i value_i32x8[4];
        for (int i = 0; i < 4; ++i)
            value_i32x8[i] = round_i32x8(join_i32x8(hi_i32x8[i], lo_i32x8[i]));
        const __m256i low_i16x16 = _mm256_packs_epi32(value_i32x8[0], value_i32x8[1]);
        const __m256i high_i16x16 = _mm256_packs_epi32(value_i32x8[2], value_i32x8[3]);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x),
                            _mm256_packus_epi16(low_i16x16, high_i16x16));
    }
}

/// Bytes channel, channel + 3, ... of 48 bytes: the 16 values of one channel.
inline __m128i channel_u8x16(const __m128i* bytes_u8x16, int channel) {
    alignas(16) static const signed char picks[3][3][16] = {
        {{0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 4, 7, 10, 13}},
        {{1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, 0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14}},
        {{2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, 1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 3, 6, 9, 12, 15}}};
    __m128i picked = _mm_setzero_si128();
    for (int part = 0; part < 3; ++part) {
        const __m128i pick = _mm_load_si128(reinterpret_cast<const __m128i*>(picks[channel][part]));
        picked = _mm_or_si128(picked, _mm_shuffle_epi8(bytes_u8x16[part], pick));
    }
    return picked;
}

inline void store_normalised_f32x8(__m128i values_u8x8, __m256 scale, __m256 offset, float* out) {
    const __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(values_u8x8));
    _mm256_storeu_ps(out, _mm256_add_ps(_mm256_mul_ps(values, scale), offset));
}

inline void normalise_row(const std::uint8_t* pixels, int n, const float* scale,
                          const float* offset, float* const* planes) {
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        __m128i bytes_u8x16[3];
        for (int part = 0; part < 3; ++part)
            bytes_u8x16[part] =
                _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels + 3 * i + 16 * part));
        for (int c = 0; c < 3; ++c) {
            const __m128i values_u8x16 = channel_u8x16(bytes_u8x16, c);
            const __m256 scale_f32x8 = _mm256_set1_ps(scale[c]);
            const __m256 offset_f32x8 = _mm256_set1_ps(offset[c]);
            store_normalised_f32x8(values_u8x16, scale_f32x8, offset_f32x8, planes[c] + i);
            store_normalised_f32x8(_mm_srli_si128(values_u8x16, 8), scale_f32x8, offset_f32x8,
                                   planes[c] + i + 8);
        }
    }
    float* const rest[3] = {planes[0] + i, planes[1] + i, planes[2] + i};
    plain_normalise_row(pixels + 3 * i, n - i, scale, offset, rest);
}

}  // namespace
}  // namespace image
