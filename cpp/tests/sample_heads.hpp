#pragma once

// Heads with random weights, in every precision and at awkward sizes.
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "heads/dense_layer.hpp"
#include "heads/pack_layer.hpp"
#include "packed_heads_file.hpp"

namespace emonet::test {

/// A layer as it was before it was packed.
struct PlainLayer {
    LayerShape shape;
    std::vector<float> weights;  // [rows, positions x width]
    std::vector<float> biases;   // [rows]
};

struct PlainHead {
    std::string name;
    std::vector<PlainLayer> layers;
};

struct SampleHeads {
    std::uint32_t rank;
    std::size_t positions;
    std::size_t width;
    std::vector<float> mean;  // [positions, width], or empty
    std::vector<PlainHead> heads;
};

inline std::vector<float> random_floats(std::mt19937& random, std::size_t count, float spread) {
    // Not std::normal_distribution, which libraries are free to make differ.
    std::vector<float> values(count);
    for (float& value : values)
        value = spread * (static_cast<float>(random() >> 8) / 8388608.0f - 1.0f);
    return values;
}

inline PlainLayer random_layer(std::mt19937& random, const LayerShape& shape) {
    const std::size_t inputs = shape.positions * shape.width;
    const float spread = 1.0f / std::sqrt(static_cast<float>(inputs));
    return {shape, random_floats(random, shape.rows * inputs, spread),
            random_floats(random, shape.rows, 0.5f)};
}

/// A head of 1, 2 and 3 layers in each precision. Rows of 1, 20, 32 and 48 take blocks of 8, 8, 32
/// and 16 lanes; later layers take every precision too.
inline SampleHeads sample_heads(std::uint32_t rank, std::size_t positions, std::size_t width,
                                bool with_mean) {
    constexpr Precision precisions[] = {Precision::int8, Precision::int4, Precision::fp16,
                                        Precision::fp32};
    std::mt19937 random(static_cast<unsigned>(positions * 1000 + width));
    SampleHeads sample{rank, positions, width, {}, {}};
    if (with_mean) sample.mean = random_floats(random, positions * width, 1.0f);
    for (int p = 0; p < 4; ++p) {
        const std::string name = precision_name(precisions[p]);
        const Precision later = precisions[(p + 1) % 4], last = precisions[(p + 2) % 4];
        sample.heads.push_back(
            {name + " linear", {random_layer(random, {precisions[p], 1, positions, width})}});
        sample.heads.push_back({name + " of two",
                                {random_layer(random, {precisions[p], 20, positions, width}),
                                 random_layer(random, {later, 1, 1, 20})}});
        sample.heads.push_back(
            {name + " of three",
             {random_layer(random, {precisions[p], 48, positions, width}),
              random_layer(random, {later, 32, 1, 48}), random_layer(random, {last, 1, 1, 32})}});
    }
    return sample;
}

inline PackedHeadsBytes pack(const SampleHeads& sample) {
    std::vector<HeadToPack> heads;
    for (const PlainHead& head : sample.heads) {
        heads.push_back({head.name, {}});
        for (const PlainLayer& layer : head.layers) {
            const bool first = heads.back().layers.empty();
            const bool folds = first && !sample.mean.empty() && is_quantized(layer.shape.precision);
            heads.back().layers.push_back(
                {layer.shape, pack_layer(layer.shape, layer.weights.data(), layer.biases.data(),
                                         folds ? sample.mean.data() : nullptr, nullptr, 1)});
        }
    }
    return pack_heads(heads, sample.rank, sample.mean);
}

}  // namespace emonet::test
