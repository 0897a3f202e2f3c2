// Included inside an ISA's namespace, before heads_project.hpp. EMONET_DOT_I16_256(sum, a, b) adds
// a[2i] * b[2i] + a[2i+1] * b[2i+1] to sum[i]: exact, for |b| < 2^14 and |a| < 2^7.

struct Lanes256 {
    static constexpr int rows = 8;
    using I16 = __m256i;  // two columns of 8 rows
    using I32 = __m256i;
    using F32 = __m256;

    static I32 zero_i32() { return _mm256_setzero_si256(); }
    static F32 zero_f32() { return _mm256_setzero_ps(); }
    static I16 widen_int8(const std::uint8_t* p) {
        return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    }
    static I16 load_words(const std::uint8_t* p) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    }
    template <int j>
    static I16 nibble(I16 words) {
        const __m256i mask = _mm256_set1_epi16(15);
        if constexpr (j == 0) return _mm256_and_si256(words, mask);
        if constexpr (j == 3) return _mm256_srli_epi16(words, 12);
        return _mm256_and_si256(_mm256_srli_epi16(words, 4 * j), mask);
    }
    static I16 broadcast_pair(const std::int16_t* p) {
        std::int32_t pair;
        __builtin_memcpy(&pair, p, sizeof pair);
        return _mm256_set1_epi32(pair);
    }
    static I32 broadcast_i32(std::int32_t value) { return _mm256_set1_epi32(value); }
    static I32 dot(I32 sum, I16 a, I16 b) { return EMONET_DOT_I16_256(sum, a, b); }
    static F32 to_float(I32 v) { return _mm256_cvtepi32_ps(v); }
    static F32 load_f32(const void* p) { return _mm256_loadu_ps(static_cast<const float*>(p)); }
    static F32 load_f16(const void* p) {
        return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)));
    }
    static F32 broadcast_f32(float v) { return _mm256_set1_ps(v); }
    static F32 add(F32 a, F32 b) { return _mm256_add_ps(a, b); }
    static F32 mul(F32 a, F32 b) { return _mm256_mul_ps(a, b); }
    static F32 fma(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a, b, c); }
    static void store(float* p, F32 v) { _mm256_storeu_ps(p, v); }
};
