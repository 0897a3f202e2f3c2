#include "heads/dense_layer.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "heads/quantized_batch.hpp"

namespace emonet {
namespace {

/// What kernels write, [batch, rows of a block]: on the stack for the usual single embedding.
class Sums {
  public:
    Sums(std::size_t batch, std::size_t rows) {
        if (batch * rows > small_.size()) large_.resize(batch * rows);
    }
    float* data() { return large_.empty() ? small_.data() : large_.data(); }

  private:
    std::array<float, 32> small_;
    std::vector<float> large_;
};

}  // namespace

void evaluate_block(const Kernels& kernels, const LayerShape& shape, const std::uint8_t* layer,
                    std::size_t block, const QuantizedInputs& quantized, const FloatInputs& exact,
                    float* outputs) {
    const LayerLayout layout(shape);
    const auto rows = static_cast<std::size_t>(layout.rows_per_block);
    const RowBlock weights{layer + block * layout.block_bytes, layout.rows_per_block,
                           shape.positions, shape.width, layout.position_bytes};
    const std::size_t batch = is_quantized(shape.precision) ? quantized.batch : exact.batch;
    Sums sums(batch, rows);
    switch (shape.precision) {
        case Precision::int8:
            kernels.heads.project_int8(weights, quantized, sums.data());
            break;
        case Precision::int4:
            kernels.heads.project_int4(weights, quantized, sums.data());
            break;
        case Precision::fp16:
            kernels.heads.project_fp16(weights, exact, sums.data());
            break;
        case Precision::fp32:
            kernels.heads.project_fp32(weights, exact, sums.data());
            break;
    }
    for (std::size_t b = 0; b < batch; ++b)
        std::copy_n(sums.data() + b * rows, rows, outputs + b * layout.padded_rows + block * rows);
}

std::vector<float> evaluate_layer(const Kernels& kernels, const LayerShape& shape,
                                  const std::uint8_t* layer, const std::vector<float>& inputs,
                                  std::size_t batch) {
    const LayerLayout layout(shape);
    QuantizedBatch quantized(1, shape.width, shape.precision == Precision::int4);
    if (is_quantized(shape.precision)) {
        const std::vector<float> no_mean(shape.width, 0.0f);
        quantized.quantize(kernels, inputs.data(), batch, no_mean.data(), 1);
    }
    std::vector<float> outputs(batch * layout.padded_rows);
    for (std::size_t block = 0; block < layout.blocks; ++block)
        evaluate_block(kernels, shape, layer, block, quantized.inputs(), {inputs.data(), batch},
                       outputs.data());
    return outputs;
}

void add_bias(const LayerShape& shape, const std::uint8_t* layer, std::size_t batch,
              float* values) {
    const LayerLayout layout(shape);
    for (std::size_t b = 0; b < batch; ++b)
        for (std::size_t r = 0; r < layout.padded_rows; ++r) {
            float bias;
            std::memcpy(&bias, layer + layout.bias_offset + r * sizeof bias, sizeof bias);
            values[b * layout.padded_rows + r] += bias;
        }
}

std::vector<float> relu(const LayerShape& shape, const std::vector<float>& values,
                        std::size_t batch) {
    const std::size_t stride = LayerLayout(shape).padded_rows;
    std::vector<float> outputs(batch * shape.rows);
    for (std::size_t b = 0; b < batch; ++b)
        std::transform(values.data() + b * stride, values.data() + b * stride + shape.rows,
                       outputs.data() + b * shape.rows, [](float v) { return std::max(v, 0.0f); });
    return outputs;
}

}  // namespace emonet
