#include "heads/pack_layer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "error.hpp"
#include "heads/thread_pool.hpp"

namespace emonet {
namespace {

constexpr float largest_half = 65504.0f;

/// Round to nearest, ties to even; finite values up to largest_half only.
std::uint16_t half_from_float(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
    const float magnitude = std::fabs(value);
    if (magnitude < 6.103515625e-5f)  // subnormal: a multiple of 2^-24
        return static_cast<std::uint16_t>(sign | std::lrint(magnitude * 16777216.0f));
    const std::uint32_t rest = bits & 0x7fffffffu;
    const std::uint32_t rounded = rest + 0xfffu + ((rest >> 13) & 1u);
    return static_cast<std::uint16_t>(sign | ((rounded >> 13) - (112u << 10)));
}

float float_from_half(std::uint16_t half) {
    const int exponent = (half >> 10) & 0x1f;
    const int mantissa = half & 0x3ff;
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    return static_cast<float>(half & 0x8000 ? -magnitude : magnitude);
}

template <class Value>
void store(std::uint8_t* bytes, std::size_t index, Value value) {
    std::memcpy(bytes + index * sizeof value, &value, sizeof value);
}

float largest_magnitude(const float* values, std::size_t count) {
    float largest = 0.0f;
    for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(values[i]));
    return largest;
}

long quantize(float weight, float scale, long limit) {
    return scale > 0 ? std::clamp(std::lrint(weight / scale), -limit, limit) : 0;
}

/// One row at one position, [width] values, into lane `lane` of the position's bytes.
void pack_int8(const float* weights, std::size_t width, std::size_t rows, std::size_t lane,
               std::uint8_t* position) {
    const float scale = largest_magnitude(weights, width) / 127.0f;
    store(position, lane, scale);
    auto* pairs = reinterpret_cast<std::int8_t*>(position + rows * sizeof(float));
    for (std::size_t c = 0; c < width; ++c)
        pairs[(c / 2 * rows + lane) * 2 + c % 2] =
            static_cast<std::int8_t>(quantize(weights[c], scale, 127));
}

void pack_int4_group(const float* weights, std::size_t width, std::size_t rows, std::size_t lane,
                     std::uint8_t* group) {
    const std::uint16_t half = half_from_float(largest_magnitude(weights, width) / 7.0f);
    const float scale = float_from_half(half);
    store(group, lane, half);
    std::uint8_t* steps = group + rows * sizeof half;
    for (std::size_t c = 0; c < int4_group_width; c += 8) {
        std::uint16_t words[2] = {};
        for (std::size_t k = 0; k < 8; ++k) {
            const float weight = c + k < width ? weights[c + k] : 0.0f;
            const auto nibble = static_cast<unsigned>(quantize(weight, scale, 7) + 8);
            words[k % 2] = static_cast<std::uint16_t>(words[k % 2] | (nibble << (4 * (k / 2))));
        }
        for (std::size_t i = 0; i < 2; ++i)
            store(steps + (c / 8 * rows + lane) * sizeof words, i, words[i]);
    }
}

void pack_int4(const float* weights, std::size_t width, std::size_t rows, std::size_t lane,
               std::uint8_t* position) {
    const std::size_t group_bytes = rows * (sizeof(std::uint16_t) + int4_group_width / 2);
    for (std::size_t c = 0; c < width; c += int4_group_width)
        pack_int4_group(weights + c, std::min(int4_group_width, width - c), rows, lane,
                        position + c / int4_group_width * group_bytes);
}

void pack_position(const LayerShape& shape, const float* weights, std::size_t rows,
                   std::size_t lane, std::uint8_t* position) {
    switch (shape.precision) {
        case Precision::int8:
            return pack_int8(weights, shape.width, rows, lane, position);
        case Precision::int4:
            return pack_int4(weights, shape.width, rows, lane, position);
        case Precision::fp16:
            for (std::size_t c = 0; c < shape.width; ++c)
                store(position, c * rows + lane, half_from_float(weights[c]));
            return;
        case Precision::fp32:
            for (std::size_t c = 0; c < shape.width; ++c)
                store(position, c * rows + lane, weights[c]);
            return;
    }
}

/// A padded lane: weights of zero, which INT4 stores as 8.
void pack_row(const LayerShape& shape, const LayerLayout& layout, const float* weights,
              std::size_t row, std::uint8_t* layer) {
    const auto rows = static_cast<std::size_t>(layout.rows_per_block);
    std::uint8_t* block = layer + row / rows * layout.block_bytes;
    const std::vector<float> zeros(row < shape.rows ? 0 : shape.width, 0.0f);
    for (std::size_t p = 0; p < shape.positions; ++p)
        pack_position(
            shape,
            row < shape.rows ? weights + (row * shape.positions + p) * shape.width : zeros.data(),
            rows, row % rows, block + p * layout.position_bytes);
}

double dot(const float* a, const float* b, std::size_t count) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
}

float limit_of(Precision precision) {
    if (precision == Precision::fp16) return largest_half;
    if (precision == Precision::int4) return largest_half * 7;
    return std::numeric_limits<float>::max();
}

void require_fits(const float* weights, std::size_t count, std::size_t row, Precision precision) {
    const float limit = limit_of(precision);
    for (std::size_t i = 0; i < count; ++i)
        if (!(std::fabs(weights[i]) <= limit))  // also true for NaN
            throw Error("InputError",
                        std::string("weights must be finite and fit ") + precision_name(precision) +
                            "; row " + std::to_string(row) + " has " + std::to_string(weights[i]) +
                            "; check the checkpoint or take another precision");
}

}  // namespace

std::vector<std::uint8_t> pack_layer(const LayerShape& shape, const float* weights,
                                     const float* biases, const float* mean, unsigned threads) {
    const LayerLayout layout(shape);
    const std::size_t inputs = shape.positions * shape.width;
    for (std::size_t row = 0; row < shape.rows; ++row)
        require_fits(weights + row * inputs, inputs, row, shape.precision);
    require_fits(biases, shape.rows, 0, Precision::fp32);
    std::vector<std::uint8_t> layer(layout.bytes, 0);
    // Rows of one block share cache lines, so a thread takes whole blocks.
    parallel_for(layout.blocks, threads, [&](std::size_t block) {
        const auto rows = static_cast<std::size_t>(layout.rows_per_block);
        for (std::size_t row = block * rows; row < (block + 1) * rows; ++row) {
            pack_row(shape, layout, weights, row, layer.data());
            if (row >= shape.rows) continue;
            const double folded = mean == nullptr ? 0 : dot(weights + row * inputs, mean, inputs);
            store(layer.data() + layout.bias_offset, row, static_cast<float>(biases[row] + folded));
        }
    });
    return layer;
}

}  // namespace emonet
