// Included inside an ISA's namespace, after its lanes. A lane is a row, so nothing is ever summed
// across lanes; `groups` lane groups share each broadcast of the inputs.

static constexpr std::size_t group_width = 64;  // columns under one INT4 scale

template <class L, int groups>
static void add_scaled(float* sums, const typename L::F32 (&values)[groups], float scale) {
    const auto scales = L::broadcast_f32(scale);
    for (int g = 0; g < groups; ++g) {
        float* at = sums + g * L::rows;
        // Multiply, then add: an FMA would differ from the portable kernel in the last bit.
        L::store(at, L::add(L::load_f32(at), L::mul(values[g], scales)));
    }
}

template <class L, int groups>
static void dot_int8(const std::uint8_t* weights, const std::int16_t* values, std::size_t pairs,
                     typename L::I32 (&dots)[groups]) {
    for (std::size_t k = 0; k < pairs; ++k) {
        const auto pair = L::broadcast_pair(values + 2 * k);
        const std::uint8_t* at = weights + k * (groups * L::rows * 2);
        for (int g = 0; g < groups; ++g)
            dots[g] = L::dot(dots[g], L::widen_int8(at + g * L::rows * 2), pair);
    }
}

template <class L, int groups>
static void project_int8_rows(const RowBlock& block, const QuantizedInputs& inputs, float* sums) {
    constexpr std::size_t rows = groups * L::rows;
    const std::size_t pairs = (block.width + 1) / 2;
    for (std::size_t p = 0; p < block.positions; ++p) {
        const std::uint8_t* scales = block.data + p * block.position_bytes;
        for (std::size_t b = 0; b < inputs.batch; ++b) {
            const std::size_t at = b * block.positions + p;
            typename L::I32 dots[groups];
            typename L::F32 scaled[groups];
            for (int g = 0; g < groups; ++g) dots[g] = L::zero_i32();
            dot_int8<L, groups>(scales + rows * sizeof(float),
                                inputs.values + at * inputs.padded_width, pairs, dots);
            for (int g = 0; g < groups; ++g)
                scaled[g] =
                    L::mul(L::to_float(dots[g]), L::load_f32(scales + g * L::rows * sizeof(float)));
            add_scaled<L, groups>(sums + b * rows, scaled, inputs.scales[at]);
        }
    }
}

template <class L, int groups>
static void dot_int4(const std::uint8_t* weights, const std::int16_t* values,
                     typename L::I32 (&dots)[groups]) {
    for (std::size_t s = 0; s < group_width / 8; ++s) {
        const auto pair0 = L::broadcast_pair(values + 8 * s);
        const auto pair1 = L::broadcast_pair(values + 8 * s + 2);
        const auto pair2 = L::broadcast_pair(values + 8 * s + 4);
        const auto pair3 = L::broadcast_pair(values + 8 * s + 6);
        for (int g = 0; g < groups; ++g) {
            const auto words = L::load_words(weights + (s * groups + g) * L::rows * 4);
            auto dot = L::dot(dots[g], L::template nibble<0>(words), pair0);
            dot = L::dot(dot, L::template nibble<1>(words), pair1);
            dot = L::dot(dot, L::template nibble<2>(words), pair2);
            dots[g] = L::dot(dot, L::template nibble<3>(words), pair3);
        }
    }
}

template <class L, int groups>
static void project_int4_rows(const RowBlock& block, const QuantizedInputs& inputs, float* sums) {
    constexpr std::size_t rows = groups * L::rows;
    constexpr std::size_t group_bytes = rows * (sizeof(std::uint16_t) + group_width / 2);
    const std::size_t n_groups = inputs.padded_width / group_width;
    for (std::size_t p = 0; p < block.positions; ++p) {
        const std::uint8_t* position = block.data + p * block.position_bytes;
        for (std::size_t b = 0; b < inputs.batch; ++b) {
            const std::size_t at = b * block.positions + p;
            const std::int16_t* values = inputs.values + at * inputs.padded_width;
            typename L::F32 at_position[groups];
            for (int g = 0; g < groups; ++g) at_position[g] = L::zero_f32();
            for (std::size_t n = 0; n < n_groups; ++n) {
                const std::uint8_t* scales = position + n * group_bytes;
                typename L::I32 dots[groups];
                const std::int32_t offset = -8 * inputs.group_sums[at * n_groups + n];
                for (int g = 0; g < groups; ++g) dots[g] = L::broadcast_i32(offset);
                dot_int4<L, groups>(scales + rows * sizeof(std::uint16_t), values + n * group_width,
                                    dots);
                for (int g = 0; g < groups; ++g)
                    at_position[g] =
                        L::add(at_position[g],
                               L::mul(L::to_float(dots[g]),
                                      L::load_f16(scales + g * L::rows * sizeof(std::uint16_t))));
            }
            add_scaled<L, groups>(sums + b * rows, at_position, inputs.scales[at]);
        }
    }
}

template <class L, int groups, std::size_t value_bytes>
static void project_float_rows(const RowBlock& block, const FloatInputs& inputs, float* sums) {
    constexpr std::size_t rows = groups * L::rows;
    const auto load = [](const std::uint8_t* p) __attribute__((always_inline)) {
        if constexpr (value_bytes == 2)
            return L::load_f16(p);
        else
            return L::load_f32(p);
    };
    for (std::size_t p = 0; p < block.positions; ++p) {
        const std::uint8_t* weights = block.data + p * block.position_bytes;
        for (std::size_t b = 0; b < inputs.batch; ++b) {
            const float* values = inputs.values + (b * block.positions + p) * block.width;
            typename L::F32 even[groups], odd[groups];  // two chains hide the latency of the FMA
            for (int g = 0; g < groups; ++g) even[g] = odd[g] = L::zero_f32();
            std::size_t c = 0;
            for (; c + 1 < block.width; c += 2) {
                const auto value0 = L::broadcast_f32(values[c]);
                const auto value1 = L::broadcast_f32(values[c + 1]);
                const std::uint8_t* at = weights + c * rows * value_bytes;
                for (int g = 0; g < groups; ++g) {
                    const std::uint8_t* lanes = at + g * L::rows * value_bytes;
                    even[g] = L::fma(load(lanes), value0, even[g]);
                    odd[g] = L::fma(load(lanes + rows * value_bytes), value1, odd[g]);
                }
            }
            if (c < block.width)
                for (int g = 0; g < groups; ++g)
                    even[g] = L::fma(load(weights + (c * rows + g * L::rows) * value_bytes),
                                     L::broadcast_f32(values[c]), even[g]);
            for (int g = 0; g < groups; ++g) even[g] = L::add(even[g], odd[g]);
            add_scaled<L, groups>(sums + b * rows, even, 1.0f);
        }
    }
}

static void zero(float* sums, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sums[i] = 0.0f;
}

static void project_int8(const RowBlock& block, const QuantizedInputs& inputs, float* sums) {
    zero(sums, inputs.batch * static_cast<std::size_t>(block.rows));
    EMONET_FOR_ROWS(block.rows, project_int8_rows, block, inputs, sums)
}

static void project_int4(const RowBlock& block, const QuantizedInputs& inputs, float* sums) {
    zero(sums, inputs.batch * static_cast<std::size_t>(block.rows));
    EMONET_FOR_ROWS(block.rows, project_int4_rows, block, inputs, sums)
}

template <class L, int groups>
static void project_fp16_rows(const RowBlock& block, const FloatInputs& inputs, float* sums) {
    project_float_rows<L, groups, 2>(block, inputs, sums);
}

template <class L, int groups>
static void project_fp32_rows(const RowBlock& block, const FloatInputs& inputs, float* sums) {
    project_float_rows<L, groups, 4>(block, inputs, sums);
}

static void project_fp16(const RowBlock& block, const FloatInputs& inputs, float* sums) {
    zero(sums, inputs.batch * static_cast<std::size_t>(block.rows));
    EMONET_FOR_ROWS(block.rows, project_fp16_rows, block, inputs, sums)
}

static void project_fp32(const RowBlock& block, const FloatInputs& inputs, float* sums) {
    zero(sums, inputs.batch * static_cast<std::size_t>(block.rows));
    EMONET_FOR_ROWS(block.rows, project_fp32_rows, block, inputs, sums)
}
