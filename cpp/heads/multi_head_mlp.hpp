#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "heads/packed_heads.hpp"
#include "heads/quantized_batch.hpp"

namespace emonet {

struct MultiHeadMlpOptions {
    bool l2_normalize = false;  // the embedding, before anything else
    Storage storage = Storage::map;
    bool verify = true;  // checksum of every opened head's block
    unsigned threads = 1;
};

/// Many small MLPs on one embedding, in one pass over their weights.
///
/// Only the chosen heads' bytes are mapped or read. Evaluation is thread-safe, and its results do
/// not depend on the number of threads: threads split rows, never a sum.
class MultiHeadMlp {
  public:
    /// `names` empty: all heads, in the file's order; else those, in the order given. Throws
    /// PackedHeadsError, FormatVersionError, UnknownNameError, MemoryBudgetError.
    MultiHeadMlp(const std::string& path, const std::vector<std::string>& names,
                 const MultiHeadMlpOptions& options);
    ~MultiHeadMlp();

    std::vector<std::string> names() const;
    std::size_t rank() const { return index_.rank; }
    std::size_t positions() const { return index_.positions; }
    std::size_t width() const { return index_.width; }
    std::size_t bytes() const;  // of the chosen heads' weights
    Precision precision() const { return heads_.front().layers.front().precision; }

    /// embeddings [batch, positions, width] -> scores [batch, heads]. The weights are read once
    /// for as many embeddings as fit 64 MB of integers (27 of the voice's, 29 000 of the face's).
    /// Throws EmbeddingError for values that are not finite.
    void evaluate(const float* embeddings, std::size_t batch, float* scores,
                  unsigned threads) const;

  private:
    struct Workspace;

    void verify_blocks(const std::string& path, unsigned threads) const;
    void evaluate_chunk(const float* embeddings, std::size_t batch, float* scores, unsigned threads,
                        Workspace& workspace) const;
    void project(const float* embeddings, std::size_t batch, unsigned threads,
                 Workspace& workspace) const;
    void finish_head(std::size_t head, std::size_t batch, Workspace& workspace,
                     float* scores) const;
    std::unique_ptr<Workspace> take_workspace() const;
    void give_back(std::unique_ptr<Workspace> workspace) const;

    PackedHeadsIndex index_;         // its heads: those chosen are moved to heads_
    std::vector<PackedHead> heads_;  // the chosen ones
    std::vector<FileBytes> blocks_;  // one for each chosen head
    std::vector<float> mean_;        // [positions, width]; zeros where the file has none
    bool l2_normalize_;
    bool needs_group_sums_ = false;
    mutable std::mutex workspaces_mutex_;
    mutable std::vector<std::unique_ptr<Workspace>> workspaces_;  // free ones, to be used again
};

}  // namespace emonet
