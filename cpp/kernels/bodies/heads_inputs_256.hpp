// Included inside an ISA's namespace: the inputs' side of the heads and the checksum, 256 bits
// wide on every x86 ISA (they are a thousandth of the work).

static float largest_lane(__m256 v) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_shuffle_ps(half, half, 1)));
}

static float largest_deviation(const float* values, const float* mean, std::size_t width) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 largest_f32x8 = _mm256_setzero_ps();
    std::size_t c = 0;
    for (; c + 8 <= width; c += 8) {
        const __m256 deviation =
            _mm256_sub_ps(_mm256_loadu_ps(values + c), _mm256_loadu_ps(mean + c));
        largest_f32x8 = _mm256_max_ps(_mm256_andnot_ps(sign, deviation), largest_f32x8);
    }
    float largest = largest_lane(largest_f32x8);
    for (; c < width; ++c) {
        const float magnitude = __builtin_fabsf(values[c] - mean[c]);
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

static float quantize_position(const float* values, const float* mean, std::size_t width,
                               std::size_t padded_width, float levels, std::int16_t* quantized) {
    const float largest = largest_deviation(values, mean, width);
    const float inverse = largest > 1e-30f ? levels / largest : 0.0f;
    const __m256 inverse_f32x8 = _mm256_set1_ps(inverse);
    std::size_t c = 0;
    for (; c + 8 <= width; c += 8) {
        const __m256 deviation =
            _mm256_sub_ps(_mm256_loadu_ps(values + c), _mm256_loadu_ps(mean + c));
        const __m256i levels_i32x8 = _mm256_cvtps_epi32(_mm256_mul_ps(deviation, inverse_f32x8));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(quantized + c),
                         _mm_packs_epi32(_mm256_castsi256_si128(levels_i32x8),
                                         _mm256_extracti128_si256(levels_i32x8, 1)));
    }
    for (; c < width; ++c)
        quantized[c] =
            static_cast<std::int16_t>(_mm_cvtss_si32(_mm_set_ss((values[c] - mean[c]) * inverse)));
    for (; c < padded_width; ++c) quantized[c] = 0;
    return largest > 1e-30f ? largest / levels : 0.0f;
}

// One chain of the crc32 instruction: 8 bytes in 3 cycles, about 9 GB/s, faster than disks.
static std::uint32_t crc32c(std::uint32_t crc, const std::uint8_t* data, std::size_t size) {
    std::uint64_t state = ~crc;
    for (; size >= 8; size -= 8, data += 8) {
        std::uint64_t word;
        __builtin_memcpy(&word, data, sizeof word);
        state = _mm_crc32_u64(state, word);
    }
    std::uint32_t tail = static_cast<std::uint32_t>(state);
    for (; size > 0; --size, ++data) tail = _mm_crc32_u8(tail, *data);
    return ~tail;
}

static constexpr HeadsKernels heads_kernels() {
    return {project_int8, project_int4, project_fp16, project_fp32, quantize_position, crc32c};
}
