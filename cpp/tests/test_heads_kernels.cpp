// Every ISA's heads kernels against the portable ones, at awkward sizes. ISAs that this CPU lacks
// run through SIMDe, which gives their intrinsics in plain C: the same source, its logic checked,
// its speed not.
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "emulated_isas.hpp"
#include "heads/layer_layout.hpp"
#include "heads/pack_layer.hpp"
#include "heads/quantized_batch.hpp"
#include "kernels/kernels.hpp"

using namespace emonet;

namespace {

struct Case {
    std::size_t rows, positions, width, batch;
};

constexpr Case cases[] = {{8, 1, 1, 1},     {8, 3, 2, 1},    {16, 2, 63, 2},  {32, 1, 64, 1},
                          {32, 5, 65, 3},   {40, 2, 127, 1}, {64, 3, 128, 1}, {24, 4, 130, 2},
                          {33, 1, 1152, 1}, {96, 2, 768, 5}};

std::vector<float> random_floats(std::mt19937& random, std::size_t count, float spread = 1.0f) {
    std::normal_distribution<float> normal(0.0f, spread);
    std::vector<float> values(count);
    for (float& value : values) value = normal(random);
    return values;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

bool close(const std::vector<float>& a, const std::vector<float>& b, double magnitude) {
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!(std::fabs(a[i] - b[i]) <= 1e-5 * magnitude)) return false;
    return true;
}

std::vector<float> project(const Kernels& kernels, const LayerShape& shape,
                           const std::vector<std::uint8_t>& layer, std::size_t block,
                           const QuantizedInputs& quantized, const FloatInputs& exact) {
    const LayerLayout layout(shape);
    const RowBlock rows{layer.data() + block * layout.block_bytes, layout.rows_per_block,
                        shape.positions, shape.width, layout.position_bytes};
    const bool quantized_layer =
        shape.precision == Precision::int8 || shape.precision == Precision::int4;
    const std::size_t stretches = quantized_layer ? position_streams : 1;
    std::vector<float> sums(
        stretches * exact.batch * static_cast<std::size_t>(layout.rows_per_block), -1.0f);
    switch (shape.precision) {
        case Precision::int8:
            kernels.heads.project_int8(rows, quantized, sums.data());
            break;
        case Precision::int4:
            kernels.heads.project_int4(rows, quantized, sums.data());
            break;
        case Precision::fp16:
            kernels.heads.project_fp16(rows, exact, sums.data());
            break;
        case Precision::fp32:
            kernels.heads.project_fp32(rows, exact, sums.data());
            break;
    }
    return sums;
}

void compare_projections(const Kernels& kernels, const Case& size, Precision precision,
                         bool compensated) {
    std::mt19937 random(static_cast<unsigned>(size.width * 7 + size.rows));
    const LayerShape shape{precision, size.rows, size.positions, size.width};
    const std::size_t inputs = size.positions * size.width;
    const auto weights = random_floats(random, size.rows * inputs);
    const auto biases = random_floats(random, size.rows);
    const auto values = random_floats(random, size.batch * inputs);
    const auto mean = random_floats(random, inputs);
    const float share = 0.5f / std::sqrt(static_cast<float>(size.width));
    const auto next_position = random_floats(random, size.width * size.width, share);
    const auto later_columns = random_floats(random, size.width * size.width, share);
    const Compensation compensation{next_position.data(), later_columns.data()};
    const auto layer = pack_layer(shape, weights.data(), biases.data(), mean.data(),
                                  compensated ? &compensation : nullptr, 2);

    QuantizedBatch ours(size.positions, size.width, true);
    QuantizedBatch truth(size.positions, size.width, true);
    ours.quantize(kernels, values.data(), size.batch, mean.data(), 1);
    truth.quantize(portable::table, values.data(), size.batch, mean.data(), 1);
    const std::size_t quantized = size.batch * size.positions * ours.inputs().padded_width;
    CHECK(std::memcmp(ours.inputs().values, truth.inputs().values,
                      quantized * sizeof(std::int16_t)) == 0);

    const FloatInputs exact{values.data(), size.batch};
    for (std::size_t block = 0; block < LayerLayout(shape).blocks; ++block) {
        const auto found = project(kernels, shape, layer, block, ours.inputs(), exact);
        const auto wanted = project(portable::table, shape, layer, block, truth.inputs(), exact);
        if (precision == Precision::int8 || precision == Precision::int4)
            CHECK(same_bits(found, wanted));
        else
            CHECK(close(found, wanted, static_cast<double>(inputs)));
    }
}

void compare_checksums(const Kernels& kernels) {
    std::vector<std::uint8_t> data(1031);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * 31);
    for (std::size_t size : {0, 1, 7, 8, 9, 64, 1024, 1031})
        CHECK(kernels.heads.crc32c(1, data.data(), size) ==
              portable::table.heads.crc32c(1, data.data(), size));
}

void compare(const char* name, const Kernels& kernels) {
    const int failed = test::failures;
    for (const Case& size : cases) {
        for (Precision precision :
             {Precision::int8, Precision::int4, Precision::fp16, Precision::fp32})
            compare_projections(kernels, size, precision, false);
        compare_projections(kernels, size, Precision::int4, true);
    }
    compare_checksums(kernels);
    std::printf("heads_kernels on %s: %s\n", name, failed == test::failures ? "agrees" : "DIFFERS");
}

}  // namespace

int main() {
    for (Isa isa : available_isas()) compare(isa_name(isa), kernels_for(isa));
    for (const auto& [name, kernels] : test::emulated_isas()) compare(name, *kernels);
    return test::report("heads_kernels");
}
