// YUV to RGB, 16 pixels at a time, compiled for every x86 ISA. Included inside its namespace.
// The sums are those of the plain loops, exact in 32 bits.
#pragma once

namespace image {
namespace {

struct YuvVectors {
    __m256i y_offset, ky_rv, ky_gu, gv_half, ky_bu, half;  // pairs of 16 bits; half in 32 bits
};

inline __m256i both_halves_i8x32(__m128i half_i8x16) {
    return _mm256_broadcastsi128_si256(half_i8x16);
}

inline __m256i two_i16x16(int first, int second) {
    return _mm256_set1_epi32((first & 0xffff) |
                             static_cast<int>(static_cast<unsigned>(second) << 16));
}

inline YuvVectors yuv_vectors(const YuvCoefficients& k) {
    return {_mm256_set1_epi16(k.y_offset), two_i16x16(k.ky, k.k_rv), two_i16x16(k.ky, k.k_gu),
            two_i16x16(k.k_gv, yuv_half),  two_i16x16(k.ky, k.k_bu), _mm256_set1_epi32(yuv_half)};
}

inline __m256i shift_and_pack_i16x16(__m256i low_i32x8, __m256i high_i32x8) {
    return _mm256_packs_epi32(_mm256_srai_epi32(low_i32x8, yuv_bits),
                              _mm256_srai_epi32(high_i32x8, yuv_bits));
}

/// (luma * ky + chroma * k + half) >> 13
inline __m256i one_chroma_i16x16(__m256i luma, __m256i chroma, __m256i k, __m256i rounding) {
    const __m256i low = _mm256_madd_epi16(_mm256_unpacklo_epi16(luma, chroma), k);
    const __m256i high = _mm256_madd_epi16(_mm256_unpackhi_epi16(luma, chroma), k);
    return shift_and_pack_i16x16(_mm256_add_epi32(low, rounding), _mm256_add_epi32(high, rounding));
}

/// (luma * ky + u * k_gu + v * k_gv + 1 * half) >> 13
inline __m256i both_chroma_i16x16(__m256i luma, __m256i u, __m256i v, const YuvVectors& k) {
    const __m256i one = _mm256_set1_epi16(1);
    const __m256i low =
        _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(luma, u), k.ky_gu),
                         _mm256_madd_epi16(_mm256_unpacklo_epi16(v, one), k.gv_half));
    const __m256i high =
        _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(luma, u), k.ky_gu),
                         _mm256_madd_epi16(_mm256_unpackhi_epi16(v, one), k.gv_half));
    return shift_and_pack_i16x16(low, high);
}

/// Stores 8 pixels per half as 24 interleaved bytes: 48 in all.
inline void store_rgb_u8x48(__m256i red_i16x16, __m256i green_i16x16, __m256i blue_i16x16,
                            std::uint8_t* out) {
    const __m256i rg = _mm256_packus_epi16(red_i16x16, green_i16x16);  // R0..7 G0..7
    const __m256i bb = _mm256_packus_epi16(blue_i16x16, blue_i16x16);
    const __m256i rg_head =
        both_halves_i8x32(_mm_setr_epi8(0, 8, -1, 1, 9, -1, 2, 10, -1, 3, 11, -1, 4, 12, -1, 5));
    const __m256i bb_head =
        both_halves_i8x32(_mm_setr_epi8(-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1));
    const __m256i rg_rest = both_halves_i8x32(
        _mm_setr_epi8(13, -1, 6, 14, -1, 7, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1));
    const __m256i bb_rest = both_halves_i8x32(
        _mm_setr_epi8(-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, -1, -1, -1, -1, -1, -1));
    const __m256i head =
        _mm256_or_si256(_mm256_shuffle_epi8(rg, rg_head), _mm256_shuffle_epi8(bb, bb_head));
    const __m256i rest =
        _mm256_or_si256(_mm256_shuffle_epi8(rg, rg_rest), _mm256_shuffle_epi8(bb, bb_rest));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(head));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + 16), _mm256_castsi256_si128(rest));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 24), _mm256_extracti128_si256(head, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + 40), _mm256_extracti128_si256(rest, 1));
}

/// y, u and v as 16-bit values 0..255, u and v already repeated for both pixels of a pair.
inline void store_yuv_as_rgb(__m256i y, __m256i u, __m256i v, const YuvVectors& k,
                             std::uint8_t* out) {
    const __m256i grey = _mm256_set1_epi16(128);
    y = _mm256_sub_epi16(y, k.y_offset);
    u = _mm256_sub_epi16(u, grey);
    v = _mm256_sub_epi16(v, grey);
    store_rgb_u8x48(one_chroma_i16x16(y, v, k.ky_rv, k.half), both_chroma_i16x16(y, u, v, k),
                    one_chroma_i16x16(y, u, k.ky_bu, k.half), out);
}

inline void nv12_row(const std::uint8_t* y, const std::uint8_t* uv, int n,
                     const YuvCoefficients& coefficients, std::uint8_t* rgb) {
    const __m256i pick_u =
        _mm256_setr_epi8(0, -1, 0, -1, 2, -1, 2, -1, 4, -1, 4, -1, 6, -1, 6, -1,  //
                         8, -1, 8, -1, 10, -1, 10, -1, 12, -1, 12, -1, 14, -1, 14, -1);
    const __m256i pick_v =
        _mm256_setr_epi8(1, -1, 1, -1, 3, -1, 3, -1, 5, -1, 5, -1, 7, -1, 7, -1,  //
                         9, -1, 9, -1, 11, -1, 11, -1, 13, -1, 13, -1, 15, -1, 15, -1);
    const YuvVectors k = yuv_vectors(coefficients);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m256i luma =
            _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(y + i)));
        const __m256i chroma = load_u8x16_twice(uv + i);
        store_yuv_as_rgb(luma, _mm256_shuffle_epi8(chroma, pick_u),
                         _mm256_shuffle_epi8(chroma, pick_v), k, rgb + 3 * i);
    }
    plain_nv12_row(y + i, uv + i, n - i, coefficients, rgb + 3 * i);
}

inline void yuyv_row(const std::uint8_t* yuyv, int n, const YuvCoefficients& coefficients,
                     std::uint8_t* rgb) {
    const __m256i pick_u =
        both_halves_i8x32(_mm_setr_epi8(1, -1, 1, -1, 5, -1, 5, -1, 9, -1, 9, -1, 13, -1, 13, -1));
    const __m256i pick_v = both_halves_i8x32(
        _mm_setr_epi8(3, -1, 3, -1, 7, -1, 7, -1, 11, -1, 11, -1, 15, -1, 15, -1));
    const YuvVectors k = yuv_vectors(coefficients);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m256i pairs = load_u8x32(yuyv + 2 * i);
        store_yuv_as_rgb(_mm256_and_si256(pairs, _mm256_set1_epi16(0xff)),
                         _mm256_shuffle_epi8(pairs, pick_u), _mm256_shuffle_epi8(pairs, pick_v), k,
                         rgb + 3 * i);
    }
    plain_yuyv_row(yuyv + 2 * i, n - i, coefficients, rgb + 3 * i);
}

}  // namespace
}  // namespace image
