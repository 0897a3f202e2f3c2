// Packed heads files from their bytes to their scores, against a reference that decodes the layout
// of heads/layer_layout.hpp weight by weight and sums in double.
#include <algorithm>
#include <cmath>
#include <string>
#include <thread>

#include "check.hpp"
#include "error.hpp"
#include "heads/half_float.hpp"
#include "heads/multi_head_mlp.hpp"
#include "sample_heads.hpp"

using namespace emonet;
using namespace emonet::test;

namespace {

constexpr std::size_t batch = 3;

std::vector<SampleHeads> all_samples() {
    return {sample_heads(1, 1, 1, true),  sample_heads(1, 1, 64, false),
            sample_heads(1, 1, 70, true), sample_heads(2, 1, 63, true),
            sample_heads(2, 5, 65, true), sample_heads(2, 2, 130, false)};
}

template <class Number>
Number number_at(const std::uint8_t* bytes, std::size_t index) {
    Number number;
    std::memcpy(&number, bytes + index * sizeof number, sizeof number);
    return number;
}

/// Column `column` of lane `lane` among the `rows` lanes of one position's bytes.
double decode_weight(Precision precision, const std::uint8_t* position, std::size_t rows,
                     std::size_t lane, std::size_t column) {
    switch (precision) {
        case Precision::int8: {
            const std::uint8_t* pair = position + rows * 4 + (column / 2 * rows + lane) * 2;
            const double scale = number_at<float>(position, lane);
            return scale * static_cast<std::int8_t>(pair[column % 2]);
        }
        case Precision::int4: {
            const std::uint8_t* group = position + column / 64 * (rows * 34);
            const std::size_t step = column % 64 / 8, j = column % 8 / 2, i = column % 2;
            const auto word =
                number_at<std::uint16_t>(group + rows * 2, (step * rows + lane) * 2 + i);
            const double scale = float_from_half(number_at<std::uint16_t>(group, lane));
            return scale * (((word >> (4 * j)) & 15) - 8);
        }
        case Precision::fp16:
            return float_from_half(number_at<std::uint16_t>(position, column * rows + lane));
        case Precision::fp32:
            return number_at<float>(position, column * rows + lane);
    }
    return 0;
}

/// [rows, positions x width], of the layer that begins at `bytes`.
std::vector<double> decode_weights(const LayerShape& shape, const std::uint8_t* bytes) {
    const LayerLayout layout(shape);
    const auto lanes = static_cast<std::size_t>(layout.rows_per_block);
    std::vector<double> weights;
    for (std::size_t row = 0; row < shape.rows; ++row)
        for (std::size_t p = 0; p < shape.positions; ++p)
            for (std::size_t c = 0; c < shape.width; ++c)
                weights.push_back(decode_weight(
                    shape.precision,
                    bytes + row / lanes * layout.block_bytes + p * layout.position_bytes, lanes,
                    row % lanes, c));
    return weights;
}

/// A score, and the sum of the magnitudes that went into it.
struct Reference {
    std::vector<double> values;
    std::vector<double> magnitudes;
};

/// One layer: decoded weights on inputs minus mean, exact weights on the mean, and the bias.
Reference reference_layer(const PlainLayer& layer, const std::vector<double>& weights,
                          const std::vector<float>& mean, const Reference& inputs) {
    const bool folds = !mean.empty() && is_quantized(layer.shape.precision);
    const std::size_t n = inputs.values.size();
    const double greatest = *std::max_element(inputs.magnitudes.begin(), inputs.magnitudes.end());
    Reference outputs;
    for (std::size_t r = 0; r < layer.shape.rows; ++r) {
        double value = layer.biases[r], magnitude = std::fabs(value);
        for (std::size_t i = 0; i < n; ++i) {
            const double centre = folds ? mean[i] : 0.0;
            value += weights[r * n + i] * (inputs.values[i] - centre) +
                     centre * layer.weights[r * n + i];
            // Inputs are quantized in steps of the greatest of them.
            magnitude += std::fabs(weights[r * n + i]) * (greatest + std::fabs(centre));
        }
        outputs.values.push_back(value);
        outputs.magnitudes.push_back(magnitude);
    }
    return outputs;
}

Reference reference_score(const PlainHead& head, const std::uint8_t* bytes,
                          const std::vector<float>& mean, const float* embedding) {
    const LayerShape& projection = head.layers.front().shape;
    Reference at;
    at.values.assign(embedding, embedding + projection.positions * projection.width);
    for (double value : at.values) at.magnitudes.push_back(std::fabs(value));
    for (const PlainLayer& layer : head.layers) {
        const bool first = &layer == &head.layers.front();
        if (!first)
            for (double& value : at.values) value = std::max(value, 0.0);
        at = reference_layer(layer, decode_weights(layer.shape, bytes),
                             first ? mean : std::vector<float>(), at);
        bytes += LayerLayout(layer.shape).bytes;
    }
    return at;
}

std::vector<float> embeddings_for(const SampleHeads& sample) {
    std::mt19937 random(7);
    return random_floats(random, batch * sample.positions * sample.width, 2.0f);
}

MultiHeadMlpOptions options_with(Storage storage, unsigned threads = 1) {
    MultiHeadMlpOptions options;
    options.storage = storage;
    options.threads = threads;
    return options;
}

std::vector<float> scores_of(const MultiHeadMlp& heads, const std::vector<float>& embeddings,
                             unsigned threads = 1) {
    std::vector<float> scores(batch * heads.names().size(), -1e9f);
    heads.evaluate(embeddings.data(), batch, scores.data(), threads);
    return scores;
}

double half_a_step(Precision precision, double greatest) {
    switch (precision) {
        case Precision::int8:
            return greatest / 127 * 0.5001;
        case Precision::int4:
            return greatest / 7 * 0.51;  // its scale is rounded to float16 besides
        case Precision::fp16:
            return greatest / 2048;
        case Precision::fp32:
            return 0;
    }
    return 0;
}

void packed_weights_are_the_given_ones_to_half_a_step() {
    for (const SampleHeads& sample : all_samples()) {
        const PackedHeadsBytes file = pack(sample);
        for (std::size_t h = 0; h < sample.heads.size(); ++h) {
            const PlainLayer& layer = sample.heads[h].layers.front();
            const auto decoded =
                decode_weights(layer.shape, file.bytes.data() + file.head_offsets[h]);
            double greatest = 0, error = 0;
            for (std::size_t i = 0; i < decoded.size(); ++i) {
                greatest = std::max(greatest, std::fabs(double{layer.weights[i]}));
                error = std::max(error, std::fabs(decoded[i] - layer.weights[i]));
            }
            CHECK(error <= half_a_step(layer.shape.precision, greatest));
        }
    }
}

void scores_are_those_of_the_reference() {
    TemporaryFile on_disk;
    for (const SampleHeads& sample : all_samples()) {
        const PackedHeadsBytes file = pack(sample);
        on_disk.write(file.bytes);
        const MultiHeadMlp heads(on_disk.path(), {}, options_with(Storage::map));
        const auto embeddings = embeddings_for(sample);
        const auto scores = scores_of(heads, embeddings);
        for (std::size_t b = 0; b < batch; ++b)
            for (std::size_t h = 0; h < sample.heads.size(); ++h) {
                const Reference wanted =
                    reference_score(sample.heads[h], file.bytes.data() + file.head_offsets[h],
                                    sample.mean, embeddings.data() + b * embeddings.size() / batch);
                const double error =
                    std::fabs(scores[b * sample.heads.size() + h] - wanted.values[0]);
                CHECK(error <= 1e-4 * wanted.magnitudes[0]);  // 15 bits: 3e-5 a layer
            }
    }
}

void mapped_and_copied_heads_score_the_same_on_any_number_of_threads() {
    TemporaryFile on_disk;
    for (const SampleHeads& sample : all_samples()) {
        on_disk.write(pack(sample).bytes);
        const MultiHeadMlp mapped(on_disk.path(), {}, options_with(Storage::map));
        const MultiHeadMlp copied(on_disk.path(), {}, options_with(Storage::copy, 3));
        const auto embeddings = embeddings_for(sample);
        const auto wanted = scores_of(mapped, embeddings);
        for (unsigned threads : {1u, 2u, 5u}) {
            CHECK(scores_of(mapped, embeddings, threads) == wanted);
            CHECK(scores_of(copied, embeddings, threads) == wanted);
        }
    }
}

void several_callers_at_once_get_the_scores_of_one() {
    TemporaryFile on_disk;
    const SampleHeads sample = sample_heads(2, 5, 65, true);
    on_disk.write(pack(sample).bytes);
    const MultiHeadMlp heads(on_disk.path(), {}, options_with(Storage::map));
    const auto embeddings = embeddings_for(sample);
    const auto wanted = scores_of(heads, embeddings);
    std::vector<std::thread> callers;
    std::vector<int> different(4);  // one for each caller: CHECK is not for threads
    for (int& count : different)
        callers.emplace_back([&heads, &embeddings, &wanted, &count] {
            for (int i = 0; i < 20; ++i) count += scores_of(heads, embeddings, 2) != wanted;
        });
    for (std::thread& caller : callers) caller.join();
    CHECK(different == std::vector<int>(4));
}

void chosen_heads_come_in_the_order_asked_for() {
    TemporaryFile on_disk;
    const SampleHeads sample = sample_heads(1, 1, 70, true);
    on_disk.write(pack(sample).bytes);
    const std::vector<std::string> names{"fp16 of two", "int8 linear"};
    const MultiHeadMlp all(on_disk.path(), {}, options_with(Storage::map));
    const MultiHeadMlp chosen(on_disk.path(), names, options_with(Storage::map));
    CHECK(chosen.names() == names);
    const auto embeddings = embeddings_for(sample);
    const auto every = scores_of(all, embeddings), some = scores_of(chosen, embeddings);
    for (std::size_t b = 0; b < batch; ++b) {
        CHECK(some[b * 2] == every[b * 12 + 7]);
        CHECK(some[b * 2 + 1] == every[b * 12]);
    }
    CHECK_THROWS(MultiHeadMlp(on_disk.path(), {"joy"}, options_with(Storage::map)),
                 "UnknownNameError");
}

void a_normalised_embedding_scores_as_if_normalised_before() {
    TemporaryFile on_disk;
    const SampleHeads sample = sample_heads(1, 1, 64, false);
    on_disk.write(pack(sample).bytes);
    MultiHeadMlpOptions normalising = options_with(Storage::map);
    normalising.l2_normalize = true;
    auto embeddings = embeddings_for(sample);
    const auto found = scores_of(MultiHeadMlp(on_disk.path(), {}, normalising), embeddings);
    for (std::size_t b = 0; b < batch; ++b) {
        float* embedding = embeddings.data() + b * 64;
        double squares = 0;
        for (int i = 0; i < 64; ++i) squares += double{embedding[i]} * embedding[i];
        for (int i = 0; i < 64; ++i)
            embedding[i] = static_cast<float>(embedding[i] / std::sqrt(squares));
    }
    CHECK(found ==
          scores_of(MultiHeadMlp(on_disk.path(), {}, options_with(Storage::map)), embeddings));

    on_disk.write(pack(sample_heads(2, 5, 65, true)).bytes);
    CHECK_THROWS(MultiHeadMlp(on_disk.path(), {}, normalising), "EmbeddingError");
}

void an_embedding_that_is_not_finite_is_refused() {
    TemporaryFile on_disk;
    const SampleHeads sample = sample_heads(1, 1, 70, true);
    on_disk.write(pack(sample).bytes);
    const MultiHeadMlp heads(on_disk.path(), {}, options_with(Storage::map));
    for (float bad : {NAN, INFINITY, -INFINITY}) {
        auto embeddings = embeddings_for(sample);
        embeddings.back() = bad;
        CHECK_THROWS(scores_of(heads, embeddings), "EmbeddingError");
    }
}

}  // namespace

int main() {
    packed_weights_are_the_given_ones_to_half_a_step();
    scores_are_those_of_the_reference();
    mapped_and_copied_heads_score_the_same_on_any_number_of_threads();
    several_callers_at_once_get_the_scores_of_one();
    chosen_heads_come_in_the_order_asked_for();
    a_normalised_embedding_scores_as_if_normalised_before();
    an_embedding_that_is_not_finite_is_refused();
    return report("packed_heads");
}
