#include "heads/multi_head_mlp.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "error.hpp"
#include "heads/dense_layer.hpp"
#include "heads/thread_pool.hpp"
#include "kernels/kernels.hpp"

namespace emonet {
namespace {

constexpr std::size_t quantized_bytes_at_once = std::size_t{64} << 20;

// A thread takes so much at once: long enough for the prefetchers to get going (a face head's
// block is 36 KB), short enough to share 6 MB of heads evenly.
constexpr std::size_t unit_bytes = std::size_t{256} << 10;

std::vector<PackedHead> choose(std::vector<PackedHead> heads, const std::vector<std::string>& names,
                               const std::string& path) {
    if (names.empty()) return heads;
    std::vector<PackedHead> chosen;
    for (const std::string& name : names) {
        const auto found = std::find_if(heads.begin(), heads.end(),
                                        [&](const PackedHead& head) { return head.name == name; });
        if (found == heads.end())
            throw Error("UnknownNameError", "a head must be one of the file's; '" + path +
                                                "' has no '" + name +
                                                "'; see the names of the file opened whole");
        chosen.push_back(*found);
    }
    return chosen;
}

/// [positions, width]; zeros where the file has none.
std::vector<float> read_mean(const InputFile& file, const PackedHeadsIndex& index) {
    std::vector<float> mean(index.positions * index.width, 0.0f);
    if (index.mean_offset == 0) return mean;
    const std::size_t size = mean.size() * sizeof(float);
    file.read(mean.data(), size, index.mean_offset);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(mean.data());
    if (kernels().heads.crc32c(0, bytes, size) != index.mean_crc32c)
        throw Error("PackedHeadsError", "the mean embedding's checksum must match; '" +
                                            file.path() +
                                            "' has another one; copy or export it again");
    // What is left of an embedding after it has no largest value to quantize by.
    const auto bad =
        std::find_if(mean.begin(), mean.end(), [](float v) { return !std::isfinite(v); });
    if (bad != mean.end())
        throw Error("PackedHeadsError", "the mean embedding must be finite; '" + file.path() +
                                            "' has " + std::to_string(*bad) + " as value " +
                                            std::to_string(bad - mean.begin()) +
                                            "; export it again from finite calibration samples");
    return mean;
}

void normalize(const float* from, std::size_t width, float* to) {
    double squares = 0;
    for (std::size_t i = 0; i < width; ++i) squares += static_cast<double>(from[i]) * from[i];
    // 1e-12: torch.nn.functional.normalize's floor, which the published code uses.
    const double norm = std::max(std::sqrt(squares), 1e-12);
    for (std::size_t i = 0; i < width; ++i) to[i] = static_cast<float>(from[i] / norm);
}

void require_finite(const float* values, std::size_t count) {
    std::uint32_t bad = 0;  // all exponent bits set: infinite or NaN; one pass without branches
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, values + i, sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    if (bad == 0) return;
    const float* first =
        std::find_if(values, values + count, [](float v) { return !std::isfinite(v); });
    throw Error("EmbeddingError",
                "an embedding must be finite; value " + std::to_string(first - values) + " is " +
                    std::to_string(*first) + "; look at the encoder's input and precision");
}

}  // namespace

struct MultiHeadMlp::Workspace {
    std::vector<float> normalized;  // [batch, width], where the embedding is normalised
    std::unique_ptr<QuantizedBatch> quantized;
    std::vector<std::vector<float>> projected;  // per head [batch, padded rows]
};

MultiHeadMlp::~MultiHeadMlp() = default;

MultiHeadMlp::MultiHeadMlp(const std::string& path, const std::vector<std::string>& names,
                           const MultiHeadMlpOptions& options)
    : l2_normalize_(options.l2_normalize) {
    const InputFile file(path);
    index_ = read_packed_heads_index(file);
    if (l2_normalize_ && index_.rank != 1)
        throw Error("EmbeddingError", "only an embedding of one position can be normalised; '" +
                                          path + "' has " + std::to_string(index_.positions) +
                                          " positions; set embedding_norm to none");
    heads_ = choose(std::move(index_.heads), names, path);
    index_.heads.clear();
    mean_ = read_mean(file, index_);
    for (const PackedHead& head : heads_) {
        blocks_.emplace_back(file, head.offset, head.size, options.storage);
        needs_group_sums_ |= head.layers.front().precision == Precision::int4;
    }
    if (options.verify) verify_blocks(path, options.threads);
}

void MultiHeadMlp::verify_blocks(const std::string& path, unsigned threads) const {
    std::atomic<std::size_t> damaged{heads_.size()};
    parallel_for(heads_.size(), threads, [&](std::size_t i) {
        const std::uint32_t crc = kernels().heads.crc32c(0, blocks_[i].data(), blocks_[i].size());
        if (crc != heads_[i].crc32c) damaged = i;
    });
    if (damaged == heads_.size()) return;
    throw Error("PackedHeadsError", "every head's checksum must match; '" + path +
                                        "' has another one for '" + heads_[damaged].name +
                                        "'; copy or export it again");
}

std::vector<std::string> MultiHeadMlp::names() const {
    std::vector<std::string> names;
    for (const PackedHead& head : heads_) names.push_back(head.name);
    return names;
}

std::size_t MultiHeadMlp::bytes() const {
    std::size_t bytes = 0;
    for (const PackedHead& head : heads_) bytes += head.size;
    return bytes;
}

std::unique_ptr<MultiHeadMlp::Workspace> MultiHeadMlp::take_workspace() const {
    {
        const std::lock_guard lock(workspaces_mutex_);
        if (!workspaces_.empty()) {
            auto workspace = std::move(workspaces_.back());
            workspaces_.pop_back();
            return workspace;
        }
    }
    auto workspace = std::make_unique<Workspace>();
    workspace->quantized =
        std::make_unique<QuantizedBatch>(index_.positions, index_.width, needs_group_sums_);
    workspace->projected.resize(heads_.size());
    return workspace;
}

void MultiHeadMlp::give_back(std::unique_ptr<Workspace> workspace) const {
    const std::lock_guard lock(workspaces_mutex_);
    workspaces_.push_back(std::move(workspace));
}

void MultiHeadMlp::evaluate(const float* embeddings, std::size_t batch, float* scores,
                            unsigned threads) const {
    const std::size_t values = index_.positions * index_.width;
    require_finite(embeddings, batch * values);
    auto workspace = take_workspace();
    const std::size_t at_once =
        std::max<std::size_t>(1, quantized_bytes_at_once / workspace->quantized->bytes_per_input());
    for (std::size_t done = 0; done < batch; done += at_once)
        evaluate_chunk(embeddings + done * values, std::min(at_once, batch - done),
                       scores + done * heads_.size(), threads, *workspace);
    give_back(std::move(workspace));
}

void MultiHeadMlp::evaluate_chunk(const float* embeddings, std::size_t batch, float* scores,
                                  unsigned threads, Workspace& workspace) const {
    if (l2_normalize_) {
        workspace.normalized.resize(batch * index_.width);
        for (std::size_t b = 0; b < batch; ++b)
            normalize(embeddings + b * index_.width, index_.width,
                      workspace.normalized.data() + b * index_.width);
        embeddings = workspace.normalized.data();
    }
    project(embeddings, batch, threads, workspace);
    parallel_for(heads_.size(), threads,
                 [&](std::size_t head) { finish_head(head, batch, workspace, scores); });
}

void MultiHeadMlp::project(const float* embeddings, std::size_t batch, unsigned threads,
                           Workspace& workspace) const {
    struct Unit {
        std::size_t head;
        std::size_t first_block;
        std::size_t end_block;
    };
    std::vector<Unit> units;
    bool any_quantized = false;
    for (std::size_t h = 0; h < heads_.size(); ++h) {
        const LayerShape& shape = heads_[h].layers.front();
        const LayerLayout layout(shape);
        workspace.projected[h].resize(batch * layout.padded_rows);
        any_quantized |= is_quantized(shape.precision);
        const std::size_t at_once = std::max<std::size_t>(1, unit_bytes / layout.block_bytes);
        for (std::size_t block = 0; block < layout.blocks; block += at_once)
            units.push_back({h, block, std::min(block + at_once, layout.blocks)});
    }
    const Kernels& active = kernels();
    if (any_quantized)
        workspace.quantized->quantize(active, embeddings, batch, mean_.data(), threads);
    const QuantizedInputs quantized = workspace.quantized->inputs();
    const FloatInputs exact{embeddings, batch};

    parallel_for(units.size(), threads, [&](std::size_t i) {
        const auto [h, first_block, end_block] = units[i];
        const LayerShape& shape = heads_[h].layers.front();
        for (std::size_t block = first_block; block < end_block; ++block)
            evaluate_block(active, shape, blocks_[h].data(), block, quantized, exact,
                           workspace.projected[h].data());
    });
}

void MultiHeadMlp::finish_head(std::size_t head, std::size_t batch, Workspace& workspace,
                               float* scores) const {
    const std::vector<LayerShape>& layers = heads_[head].layers;
    const std::uint8_t* layer = blocks_[head].data();
    std::vector<float> values = workspace.projected[head];
    add_bias(layers[0], layer, batch, values.data());
    for (std::size_t i = 1; i < layers.size(); ++i) {
        layer += LayerLayout(layers[i - 1]).bytes;
        values =
            evaluate_layer(kernels(), layers[i], layer, relu(layers[i - 1], values, batch), batch);
        add_bias(layers[i], layer, batch, values.data());
    }
    const std::size_t stride = LayerLayout(layers.back()).padded_rows;
    for (std::size_t b = 0; b < batch; ++b) scores[b * heads_.size() + head] = values[b * stride];
}

}  // namespace emonet
