// What log_mel.hpp needs of a vector of n floats, one frame per lane. The general versions are
// plain loops over the lanes; the others say the same in one instruction.

#define EMONET_INLINE inline __attribute__((always_inline))

template <int n>
struct Vector {
    typedef float floats __attribute__((vector_size(n * sizeof(float))));
    typedef int ints __attribute__((vector_size(n * sizeof(int))));
};
template <int n>
using Floats = typename Vector<n>::floats;

template <class V>
constexpr int lanes_of = static_cast<int>(sizeof(V) / sizeof(float));

#ifdef __AVX512F__
// The plain forms of some intrinsics make GCC 12 warn of an uninitialized operand of its own.
constexpr __mmask16 all16 = 0xffff;
#endif

/// a * b + c, rounded once where the ISA has FMA, else twice.
template <class V>
EMONET_INLINE V multiply_add(V a, V b, V c) {
#ifdef __AVX512F__
    if constexpr (lanes_of<V> == 16) return _mm512_fmadd_ps(a, b, c);
#endif
#ifdef __FMA__
    if constexpr (lanes_of<V> == 8) return _mm256_fmadd_ps(a, b, c);
#endif
    return a * b + c;
}

template <class V>
EMONET_INLINE V multiply_add(V a, float b, V c) {
    return multiply_add(a, V{} + b, c);
}

/// Four consecutive samples of every fourth frame: lanes 4q..4q+3 hold samples[q * 4 * hop + 0..3].
template <class V>
EMONET_INLINE V load_quads(const float* samples, int hop) {
#ifdef __AVX512F__
    if constexpr (lanes_of<V> == 16) {
        __m512 quads = _mm512_castps128_ps512(_mm_loadu_ps(samples));
        quads = _mm512_maskz_insertf32x4(all16, quads, _mm_loadu_ps(samples + 4 * hop), 1);
        quads = _mm512_maskz_insertf32x4(all16, quads, _mm_loadu_ps(samples + 8 * hop), 2);
        return _mm512_maskz_insertf32x4(all16, quads, _mm_loadu_ps(samples + 12 * hop), 3);
    }
#endif
#ifdef __AVX__
    if constexpr (lanes_of<V> == 8)
        return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(samples)),
                                    _mm_loadu_ps(samples + 4 * hop), 1);
#endif
    V quads;
    for (int q = 0; q < lanes_of<V> / 4; ++q)
        __builtin_memcpy(reinterpret_cast<char*>(&quads) + 16 * q, samples + q * 4 * hop, 16);
    return quads;
}

/// Interleaves the lower halves (part 0) or the upper halves (part 1) of each quad of a and b.
template <int part, class V>
EMONET_INLINE V zip_quads(V a, V b) {
#ifdef __AVX512F__
    if constexpr (lanes_of<V> == 16)
        return part == 0 ? _mm512_maskz_unpacklo_ps(all16, a, b)
                         : _mm512_maskz_unpackhi_ps(all16, a, b);
#endif
#ifdef __AVX__
    if constexpr (lanes_of<V> == 8)
        return part == 0 ? _mm256_unpacklo_ps(a, b) : _mm256_unpackhi_ps(a, b);
#endif
    V zipped = a;
    for (int q = 0; q < lanes_of<V>; q += 4) {
        zipped[q] = a[q + 2 * part];
        zipped[q + 1] = b[q + 2 * part];
        zipped[q + 2] = a[q + 2 * part + 1];
        zipped[q + 3] = b[q + 2 * part + 1];
    }
    return zipped;
}

template <class V>
EMONET_INLINE V greater_of(V a, V b) {
    return a > b ? a : b;
}
