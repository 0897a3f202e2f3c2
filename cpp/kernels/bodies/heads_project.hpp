// Included inside an ISA's namespace, after its lanes. A lane is a row, so nothing is ever summed
// across lanes; `groups` lane groups share each broadcast of the inputs.

// How far ahead of the loads weights are asked for: hardware prefetchers stop at every 4 KiB page
// and start again slowly. Share of a plain read's speed on one core of Zen 3, one stretch: INT8
// 0.74 without, 0.87 at 512 bytes, 0.89 at 2048, 0.81 at 8192; INT4 0.64, 0.70, 0.84, 0.80.
static constexpr std::size_t prefetch_bytes = 2048;

template <class L, int groups>
static void add_scaled(float* sums, const typename L::F32 (&values)[groups], float scale) {
    const auto scales = L::broadcast_f32(scale);
    for (int g = 0; g < groups; ++g) {
        float* at = sums + g * L::rows;
        // Multiply, then add: an FMA would differ from the portable kernel in the last bit.
        L::store(at, L::add(L::load_f32(at), L::mul(values[g], scales)));
    }
}

/// The dot products of `streams` positions, `stride` bytes apart, at once. One position after the
/// other would leave the memory waiting: a core fetches faster from several places.
template <class L, int groups, int streams>
static void dot_int8(const std::uint8_t* weights, std::size_t stride,
                     const std::int16_t* const (&values)[streams], std::size_t pairs,
                     typename L::I32 (&dots)[streams][groups]) {
    for (int n = 0; n < streams; ++n)
        for (int g = 0; g < groups; ++g) dots[n][g] = L::zero_i32();
    for (std::size_t k = 0; k < pairs; ++k) {
        for (int n = 0; n < streams; ++n) {
            const auto pair = L::broadcast_pair(values[n] + 2 * k);
            const std::uint8_t* at = weights + n * stride + k * (groups * L::rows * 2);
            __builtin_prefetch(at + prefetch_bytes);
            for (int g = 0; g < groups; ++g)
                dots[n][g] = L::dot(dots[n][g], L::widen_int8(at + g * L::rows * 2), pair);
        }
    }
}

/// Positions p, p + apart, p + 2 apart ...: stream n adds to sums[n].
template <class L, int groups, int streams>
static void add_positions_int8(const RowBlock& block, const QuantizedInputs& inputs, std::size_t p,
                               std::size_t apart, float* sums) {
    constexpr std::size_t rows = groups * L::rows;
    const std::uint8_t* scales = block.data + p * block.position_bytes;
    const std::size_t stride = apart * block.position_bytes;
    for (std::size_t b = 0; b < inputs.batch; ++b) {
        const std::size_t at = b * block.positions + p;
        const std::int16_t* values[streams];
        for (int n = 0; n < streams; ++n)
            values[n] = inputs.values + (at + n * apart) * inputs.padded_width;
        typename L::I32 dots[streams][groups];
        dot_int8<L, groups, streams>(scales + rows * sizeof(float), stride, values,
                                     (block.width + 1) / 2, dots);
        for (int n = 0; n < streams; ++n) {
            typename L::F32 scaled[groups];
            for (int g = 0; g < groups; ++g)
                scaled[g] = L::mul(L::to_float(dots[n][g]),
                                   L::load_f32(scales + n * stride + g * L::rows * sizeof(float)));
            add_scaled<L, groups>(sums + (n * inputs.batch + b) * rows, scaled,
                                  inputs.scales[at + n * apart]);
        }
    }
}

template <class L, int groups>
static void project_int8_rows(const RowBlock& block, const QuantizedInputs& inputs, float* sums) {
    const std::size_t apart = block.positions / position_streams;
    for (std::size_t p = 0; p < apart; ++p)
        add_positions_int8<L, groups, position_streams>(block, inputs, p, apart, sums);
    for (std::size_t p = apart * position_streams; p < block.positions; ++p)
        add_positions_int8<L, groups, 1>(block, inputs, p, 0, sums);
}

template <class L, int groups, int streams>
static void dot_int4(const std::uint8_t* weights, std::size_t stride,
                     const std::int16_t* const (&values)[streams],
                     typename L::I32 (&dots)[streams][groups]) {
    for (std::size_t s = 0; s < int4_group_width / 8; ++s) {
        for (int n = 0; n < streams; ++n) {
            const auto pair0 = L::broadcast_pair(values[n] + 8 * s);
            const auto pair1 = L::broadcast_pair(values[n] + 8 * s + 2);
            const auto pair2 = L::broadcast_pair(values[n] + 8 * s + 4);
            const auto pair3 = L::broadcast_pair(values[n] + 8 * s + 6);
            for (int g = 0; g < groups; ++g) {
                const std::uint8_t* at = weights + n * stride + (s * groups + g) * L::rows * 4;
                __builtin_prefetch(at + prefetch_bytes);
                const auto words = L::load_words(at);
                auto dot = L::dot(dots[n][g], L::template nibble<0>(words), pair0);
                dot = L::dot(dot, L::template nibble<1>(words), pair1);
                dot = L::dot(dot, L::template nibble<2>(words), pair2);
                dots[n][g] = L::dot(dot, L::template nibble<3>(words), pair3);
            }
        }
    }
}

template <class L, int groups, int streams>
static void add_positions_int4(const RowBlock& block, const QuantizedInputs& inputs, std::size_t p,
                               std::size_t apart, float* sums) {
    constexpr std::size_t rows = groups * L::rows;
    constexpr std::size_t group_bytes = rows * (sizeof(std::uint16_t) + int4_group_width / 2);
    const std::size_t n_groups = inputs.padded_width / int4_group_width;
    const std::size_t stride = apart * block.position_bytes;
    for (std::size_t b = 0; b < inputs.batch; ++b) {
        const std::size_t at = b * block.positions + p;
        typename L::F32 at_position[streams][groups];
        for (int n = 0; n < streams; ++n)
            for (int g = 0; g < groups; ++g) at_position[n][g] = L::zero_f32();
        for (std::size_t i = 0; i < n_groups; ++i) {
            const std::uint8_t* scales = block.data + p * block.position_bytes + i * group_bytes;
            const std::int16_t* values[streams];
            typename L::I32 dots[streams][groups];
            for (int n = 0; n < streams; ++n) {
                const std::size_t row = at + n * apart;
                values[n] = inputs.values + row * inputs.padded_width + i * int4_group_width;
                const auto offset = L::broadcast_i32(-8 * inputs.group_sums[row * n_groups + i]);
                for (int g = 0; g < groups; ++g) dots[n][g] = offset;
            }
            dot_int4<L, groups, streams>(scales + rows * sizeof(std::uint16_t), stride, values,
                                         dots);
            for (int n = 0; n < streams; ++n)
                for (int g = 0; g < groups; ++g)
                    at_position[n][g] =
                        L::add(at_position[n][g],
                               L::mul(L::to_float(dots[n][g]),
                                      L::load_f16(scales + n * stride +
                                                  g * L::rows * sizeof(std::uint16_t))));
        }
        for (int n = 0; n < streams; ++n)
            add_scaled<L, groups>(sums + (n * inputs.batch + b) * rows, at_position[n],
                                  inputs.scales[at + n * apart]);
    }
}

template <class L, int groups>
static void project_int4_rows(const RowBlock& block, const QuantizedInputs& inputs, float* sums) {
    const std::size_t apart = block.positions / position_streams;
    for (std::size_t p = 0; p < apart; ++p)
        add_positions_int4<L, groups, position_streams>(block, inputs, p, apart, sums);
    for (std::size_t p = apart * position_streams; p < block.positions; ++p)
        add_positions_int4<L, groups, 1>(block, inputs, p, 0, sums);
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
    zero(sums, position_streams * inputs.batch * static_cast<std::size_t>(block.rows));
    EMONET_FOR_ROWS(block.rows, project_int8_rows, block, inputs, sums)
}

static void project_int4(const RowBlock& block, const QuantizedInputs& inputs, float* sums) {
    zero(sums, position_streams * inputs.batch * static_cast<std::size_t>(block.rows));
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
