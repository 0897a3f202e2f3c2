// Included inside namespace emonet::avx512_vnni, before heads_project.hpp.

struct Lanes512 {
    static constexpr int rows = 16;
    using I16 = __m512i;  // two columns of 16 rows
    using I32 = __m512i;
    using F32 = __m512;

    static I32 zero_i32() { return _mm512_setzero_si512(); }
    static F32 zero_f32() { return _mm512_setzero_ps(); }
    static I16 widen_int8(const std::uint8_t* p) {
        return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    }
    static I16 load_words(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
    template <int j>
    static I16 nibble(I16 words) {
        const __m512i mask = _mm512_set1_epi16(15);
        if constexpr (j == 0) return _mm512_and_si512(words, mask);
        if constexpr (j == 3) return _mm512_srli_epi16(words, 12);
        return _mm512_and_si512(_mm512_srli_epi16(words, 4 * j), mask);
    }
    static I16 broadcast_pair(const std::int16_t* p) {
        std::int32_t pair;
        __builtin_memcpy(&pair, p, sizeof pair);
        return _mm512_set1_epi32(pair);
    }
    static I32 broadcast_i32(std::int32_t value) { return _mm512_set1_epi32(value); }
    static I32 dot(I32 sum, I16 a, I16 b) { return _mm512_dpwssd_epi32(sum, a, b); }
    static F32 to_float(I32 v) { return _mm512_cvtepi32_ps(v); }
    static F32 load_f32(const void* p) { return _mm512_loadu_ps(p); }
    static F32 load_f16(const void* p) {
        return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
    }
    static F32 broadcast_f32(float v) { return _mm512_set1_ps(v); }
    static F32 add(F32 a, F32 b) { return _mm512_add_ps(a, b); }
    static F32 mul(F32 a, F32 b) { return _mm512_mul_ps(a, b); }
    static F32 fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }
    static void store(float* p, F32 v) { _mm512_storeu_ps(p, v); }
};
