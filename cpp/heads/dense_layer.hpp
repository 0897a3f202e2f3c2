#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "heads/layer_layout.hpp"
#include "kernels/kernels.hpp"

namespace emonet {

inline bool is_quantized(Precision precision) {
    return precision == Precision::int8 || precision == Precision::int4;
}

/// One row block of a layer without its bias: fills that block's columns of
/// outputs [batch, padded rows]. Uses `quantized` or `exact`, as the layer's precision asks.
void evaluate_block(const Kernels& kernels, const LayerShape& shape, const std::uint8_t* layer,
                    std::size_t block, const QuantizedInputs& quantized, const FloatInputs& exact,
                    float* outputs);

/// A whole layer of one position on this thread, without its bias:
/// inputs [batch, width] -> [batch, padded rows].
std::vector<float> evaluate_layer(const Kernels& kernels, const LayerShape& shape,
                                  const std::uint8_t* layer, const std::vector<float>& inputs,
                                  std::size_t batch);

/// Adds the layer's biases to values [batch, padded rows].
void add_bias(const LayerShape& shape, const std::uint8_t* layer, std::size_t batch, float* values);

/// max(0, value), and [batch, padded rows] -> [batch, rows]: the next layer's inputs.
std::vector<float> relu(const LayerShape& shape, const std::vector<float>& values,
                        std::size_t batch);

}  // namespace emonet
