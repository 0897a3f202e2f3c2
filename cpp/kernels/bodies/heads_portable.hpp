// Included inside namespace emonet::portable. Plain loops: the truth that every ISA must equal.

static constexpr int max_rows = 32;

static float float_from_half(std::uint16_t half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
    const std::uint32_t exponent = (half >> 10) & 0x1fu;
    const std::uint32_t mantissa = half & 0x3ffu;
    float value;
    if (exponent == 0) {  // zero and subnormals: mantissa x 2^-24, exact in float
        value = static_cast<float>(mantissa) * 5.9604644775390625e-8f;
        return sign ? -value : value;
    }
    const std::uint32_t bits = exponent == 31 ? sign | 0x7f800000u | (mantissa << 13)
                                              : sign | ((exponent + 112) << 23) | (mantissa << 13);
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

static float load_float(const std::uint8_t* data, std::size_t index) {
    float value;
    __builtin_memcpy(&value, data + index * sizeof value, sizeof value);
    return value;
}

static float load_half(const std::uint8_t* data, std::size_t index) {
    std::uint16_t half;
    __builtin_memcpy(&half, data + index * sizeof half, sizeof half);
    return float_from_half(half);
}

static void zero(float* sums, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sums[i] = 0.0f;
}

/// Which sum a position belongs to.
static std::size_t stretch_of(std::size_t position, std::size_t positions) {
    const std::size_t apart = positions / position_streams;
    return position < apart * position_streams ? position / apart : 0;
}

static void project_int8(const RowBlock& block, const QuantizedInputs& inputs, float* sums) {
    const std::size_t rows = static_cast<std::size_t>(block.rows);
    const std::size_t pairs = (block.width + 1) / 2;
    zero(sums, position_streams * inputs.batch * rows);
    for (std::size_t p = 0; p < block.positions; ++p) {
        float* stretch = sums + stretch_of(p, block.positions) * inputs.batch * rows;
        const std::uint8_t* scales = block.data + p * block.position_bytes;
        const auto* weights = reinterpret_cast<const std::int8_t*>(scales + rows * sizeof(float));
        for (std::size_t b = 0; b < inputs.batch; ++b) {
            const std::size_t at = b * block.positions + p;
            const std::int16_t* values = inputs.values + at * inputs.padded_width;
            // Unsigned: weights of -128, which a damaged file may hold, wrap around as in vectors.
            std::uint32_t dots[max_rows] = {};
            for (std::size_t k = 0; k < pairs; ++k)
                for (std::size_t r = 0; r < rows; ++r) {
                    const std::int8_t* pair = weights + (k * rows + r) * 2;
                    dots[r] += static_cast<std::uint32_t>(pair[0] * values[2 * k] +
                                                          pair[1] * values[2 * k + 1]);
                }
            for (std::size_t r = 0; r < rows; ++r) {
                const auto dot = static_cast<std::int32_t>(dots[r]);
                const float scaled = static_cast<float>(dot) * load_float(scales, r);
                stretch[b * rows + r] += scaled * inputs.scales[at];
            }
        }
    }
}

// Column 8 s + 2 j + i of a row is nibble j of the row's i-th 16-bit word in step s.
static std::int32_t nibble_dot(const std::uint8_t* row_bytes, const std::int16_t* values) {
    std::int32_t dot = 0;
    for (int i = 0; i < 2; ++i) {
        const int word = row_bytes[2 * i] | (row_bytes[2 * i + 1] << 8);
        for (int j = 0; j < 4; ++j) dot += ((word >> (4 * j)) & 15) * values[2 * j + i];
    }
    return dot;
}

static void project_int4(const RowBlock& block, const QuantizedInputs& inputs, float* sums) {
    const std::size_t rows = static_cast<std::size_t>(block.rows);
    const std::size_t groups = inputs.padded_width / int4_group_width;
    const std::size_t group_bytes = rows * (sizeof(std::uint16_t) + int4_group_width / 2);
    zero(sums, position_streams * inputs.batch * rows);
    for (std::size_t p = 0; p < block.positions; ++p) {
        float* stretch = sums + stretch_of(p, block.positions) * inputs.batch * rows;
        for (std::size_t b = 0; b < inputs.batch; ++b) {
            const std::size_t at = b * block.positions + p;
            float at_position[max_rows] = {};
            for (std::size_t g = 0; g < groups; ++g) {
                const std::uint8_t* scales =
                    block.data + p * block.position_bytes + g * group_bytes;
                const std::uint8_t* weights = scales + rows * sizeof(std::uint16_t);
                const std::int16_t* values =
                    inputs.values + at * inputs.padded_width + g * int4_group_width;
                const std::int32_t sum = inputs.group_sums[at * groups + g];
                for (std::size_t r = 0; r < rows; ++r) {
                    std::int32_t dot = -8 * sum;  // nibbles are stored as weight + 8
                    for (std::size_t s = 0; s < int4_group_width / 8; ++s)
                        dot += nibble_dot(weights + (s * rows + r) * 4, values + 8 * s);
                    at_position[r] += static_cast<float>(dot) * load_half(scales, r);
                }
            }
            for (std::size_t r = 0; r < rows; ++r)
                stretch[b * rows + r] += at_position[r] * inputs.scales[at];
        }
    }
}

template <float (*load)(const std::uint8_t*, std::size_t)>
static void project_float(const RowBlock& block, const FloatInputs& inputs, float* sums) {
    const std::size_t rows = static_cast<std::size_t>(block.rows);
    zero(sums, inputs.batch * rows);
    for (std::size_t p = 0; p < block.positions; ++p) {
        const std::uint8_t* weights = block.data + p * block.position_bytes;
        for (std::size_t b = 0; b < inputs.batch; ++b) {
            const float* values = inputs.values + (b * block.positions + p) * block.width;
            float at_position[max_rows] = {};
            for (std::size_t c = 0; c < block.width; ++c)
                for (std::size_t r = 0; r < rows; ++r)
                    at_position[r] += load(weights, c * rows + r) * values[c];
            for (std::size_t r = 0; r < rows; ++r) sums[b * rows + r] += at_position[r];
        }
    }
}

static float quantize_position(const float* values, const float* mean, std::size_t width,
                               std::size_t padded_width, float levels, std::int16_t* quantized) {
    float largest = 0.0f;
    for (std::size_t c = 0; c < width; ++c) {
        const float magnitude = __builtin_fabsf(values[c] - mean[c]);
        largest = magnitude > largest ? magnitude : largest;
    }
    // Below this the reciprocal overflows; such a position carries nothing.
    const float inverse = largest > 1e-30f ? levels / largest : 0.0f;
    for (std::size_t c = 0; c < width; ++c)
        quantized[c] = static_cast<std::int16_t>(__builtin_lrintf((values[c] - mean[c]) * inverse));
    for (std::size_t c = width; c < padded_width; ++c) quantized[c] = 0;
    return largest > 1e-30f ? largest / levels : 0.0f;
}

struct Crc32cTable {
    std::uint32_t of[256];
};

static constexpr Crc32cTable make_crc32c_table() {
    Crc32cTable made{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0u);
        made.of[byte] = crc;
    }
    return made;
}

static constexpr Crc32cTable crc32c_table = make_crc32c_table();

static std::uint32_t crc32c(std::uint32_t crc, const std::uint8_t* data, std::size_t size) {
    crc = ~crc;
    for (std::size_t i = 0; i < size; ++i)
        crc = crc32c_table.of[(crc ^ data[i]) & 0xff] ^ (crc >> 8);
    return ~crc;
}

static constexpr HeadsKernels heads_kernels() {
    return {project_int8,      project_int4, project_float<load_half>, project_float<load_float>,
            quantize_position, crc32c};
}
