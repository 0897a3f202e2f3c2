#pragma once

// AVX2 from the compiler; what the kernels use of AVX-512 and VNNI from SIMDe, in terms of AVX2.
// SIMDe's own aliases would redefine the compiler's types, so the names are mapped here.
#include <immintrin.h>
#include <simde/x86/avx512.h>

#define __m512 simde__m512
#define __m512i simde__m512i
#define _mm256_dpwssd_avx_epi32 simde_mm256_dpwssd_epi32
#define _mm256_dpwssd_epi32 simde_mm256_dpwssd_epi32
#define _mm512_add_ps simde_mm512_add_ps
#define _mm512_and_si512 simde_mm512_and_si512
#define _mm512_cvtepi32_ps emulated_mm512_cvtepi32_ps
#define _mm512_cvtepi8_epi16 simde_mm512_cvtepi8_epi16
#define _mm512_cvtph_ps emulated_mm512_cvtph_ps
#define _mm512_dpwssd_epi32 simde_mm512_dpwssd_epi32
#define _mm512_fmadd_ps simde_mm512_fmadd_ps
#define _mm512_loadu_ps simde_mm512_loadu_ps
#define _mm512_loadu_si512 simde_mm512_loadu_si512
#define _mm512_mul_ps simde_mm512_mul_ps
#define _mm512_set1_epi16 simde_mm512_set1_epi16
#define _mm512_set1_epi32 simde_mm512_set1_epi32
#define _mm512_set1_ps simde_mm512_set1_ps
#define _mm512_setzero_ps simde_mm512_setzero_ps
#define _mm512_setzero_si512 simde_mm512_setzero_si512
#define _mm512_srli_epi16 simde_mm512_srli_epi16
#define _mm512_storeu_ps simde_mm512_storeu_ps

// Newer than the SIMDe of current distributions.
static inline simde__m512 emulated_mm512_cvtph_ps(__m256i halves) {
    simde__m512_private lanes;
    lanes.m256[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
    lanes.m256[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
    return simde__m512_from_private(lanes);
}

static inline simde__m512 emulated_mm512_cvtepi32_ps(simde__m512i integers) {
    const simde__m512i_private from = simde__m512i_to_private(integers);
    simde__m512_private lanes;
    for (int i = 0; i < 2; ++i) lanes.m256[i] = _mm256_cvtepi32_ps(from.m256i[i]);
    return simde__m512_from_private(lanes);
}
