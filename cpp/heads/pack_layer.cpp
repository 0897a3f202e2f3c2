#include "heads/pack_layer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "error.hpp"
#include "heads/half_float.hpp"
#include "heads/int4_group.hpp"
#include "heads/thread_pool.hpp"

namespace emonet {
namespace {

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

Int4Group round_int4_group(const float* weights, std::size_t width) {
    Int4Group group;
    group.scale = half_from_float(largest_magnitude(weights, width) / 7.0f);
    const float scale = float_from_half(group.scale);
    for (std::size_t c = 0; c < width; ++c)
        group.values[c] = static_cast<std::int8_t>(quantize(weights[c], scale, 7));
    return group;
}

void pack_int4(const float* weights, std::size_t width, std::size_t rows, std::size_t lane,
               std::uint8_t* position) {
    const std::size_t group_bytes = rows * (sizeof(std::uint16_t) + int4_group_width / 2);
    for (std::size_t c = 0; c < width; c += int4_group_width)
        store_int4_group(round_int4_group(weights + c, std::min(int4_group_width, width - c)), rows,
                         lane, position + c / int4_group_width * group_bytes);
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
                                     const float* biases, const float* mean,
                                     const Compensation* compensation, unsigned threads) {
    const LayerLayout layout(shape);
    const std::size_t inputs = shape.positions * shape.width;
    for (std::size_t row = 0; row < shape.rows; ++row)
        require_fits(weights + row * inputs, inputs, row, shape.precision);
    require_fits(biases, shape.rows, 0, Precision::fp32);
    std::vector<std::uint8_t> layer(layout.bytes, 0);
    // Rows of one block share cache lines, so a thread takes whole blocks.
    parallel_for(layout.blocks, threads, [&](std::size_t block) {
        const auto rows = static_cast<std::size_t>(layout.rows_per_block);
        const std::size_t first = block * rows;
        const std::size_t end = std::min(first + rows, shape.rows);
        if (compensation != nullptr)
            round_block_compensated(shape, layout, *compensation, weights + first * inputs,
                                    end - first, layer.data() + block * layout.block_bytes);
        else
            for (std::size_t row = first; row < first + rows; ++row)
                pack_row(shape, layout, weights, row, layer.data());
        for (std::size_t row = first; row < end; ++row) {
            const double folded = mean == nullptr ? 0 : dot(weights + row * inputs, mean, inputs);
            store(layer.data() + layout.bias_offset, row, static_cast<float>(biases[row] + folded));
        }
    });
    return layer;
}

}  // namespace emonet
