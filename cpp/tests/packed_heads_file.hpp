#pragma once

// Packed heads files made by hand, as heads/packed_heads.hpp describes them: a writer of its own,
// so that a mistake in the parser is not repeated here.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "heads/layer_layout.hpp"
#include "kernels/kernels.hpp"

namespace emonet::test {

/// One head: a name and its layers as pack_layer gives them, the projection first.
struct PackedLayer {
    LayerShape shape;
    std::vector<std::uint8_t> bytes;
};
struct HeadToPack {
    std::string name;
    std::vector<PackedLayer> layers;
};

/// The bytes of a file, and where in it things are.
struct PackedHeadsBytes {
    std::vector<std::uint8_t> bytes;
    std::size_t index_offset = 0;
    std::size_t mean_offset = 0;
    std::size_t mean_size = 0;
    std::vector<std::size_t> head_offsets;

    template <class Number>
    void put(std::size_t offset, Number number) {
        std::memcpy(bytes.data() + offset, &number, sizeof number);
    }
    template <class Number>
    Number get(std::size_t offset) const {
        Number number;
        std::memcpy(&number, bytes.data() + offset, sizeof number);
        return number;
    }

    std::size_t entry(std::size_t head) const { return index_offset + 512 * head; }

    /// Makes the checksums of mean, index and header right again after a change.
    void seal() {
        const auto crc32c = kernels().heads.crc32c;
        const std::size_t index_size = 512 * head_offsets.size();
        if (index_offset + index_size <= bytes.size())
            put(56, crc32c(0, bytes.data() + index_offset, index_size));
        if (mean_offset + mean_size <= bytes.size())
            put(60, crc32c(0, bytes.data() + mean_offset, mean_size));
        put(12, crc32c(0, bytes.data() + 16, 112));
    }

    /// Zeros up to the next page; the offset there.
    std::size_t align() {
        bytes.resize(round_up(bytes.size(), 4096));
        return bytes.size();
    }
};

inline void append(std::vector<std::uint8_t>& bytes, const void* from, std::size_t size) {
    const auto* first = static_cast<const std::uint8_t*>(from);
    bytes.insert(bytes.end(), first, first + size);
}

inline void append_head(PackedHeadsBytes& file, const HeadToPack& head, std::uint8_t* entry) {
    const auto put = [entry](std::size_t offset, auto number) {
        std::memcpy(entry + offset, &number, sizeof number);
    };
    const std::size_t offset = file.align();
    file.head_offsets.push_back(offset);
    std::memcpy(entry, head.name.data(), head.name.size());
    for (std::size_t i = 0; i < head.layers.size(); ++i) {
        const LayerShape& shape = head.layers[i].shape;
        append(file.bytes, head.layers[i].bytes.data(), head.layers[i].bytes.size());
        put(128 + 16 * i, static_cast<std::uint32_t>(shape.precision));
        put(132 + 16 * i, static_cast<std::uint32_t>(shape.rows));
        put(136 + 16 * i, static_cast<std::uint32_t>(shape.width));
    }
    const std::size_t size = file.bytes.size() - offset;
    put(96, static_cast<std::uint64_t>(offset));
    put(104, static_cast<std::uint64_t>(size));
    put(112, kernels().heads.crc32c(0, file.bytes.data() + offset, size));
    put(116, static_cast<std::uint32_t>(head.layers.size()));
}

/// `mean` [positions, width] or empty. Blocks first, then index and mean, as the exporter does it.
inline PackedHeadsBytes pack_heads(const std::vector<HeadToPack>& heads, std::uint32_t rank,
                                   const std::vector<float>& mean) {
    const LayerShape& projection = heads.front().layers.front().shape;
    PackedHeadsBytes file;
    file.bytes.resize(4096);
    std::vector<std::uint8_t> index(512 * heads.size());
    for (std::size_t h = 0; h < heads.size(); ++h)
        append_head(file, heads[h], index.data() + 512 * h);
    file.index_offset = file.align();
    append(file.bytes, index.data(), index.size());
    if (!mean.empty()) {
        file.mean_offset = file.align();
        file.mean_size = mean.size() * sizeof(float);
        append(file.bytes, mean.data(), file.mean_size);
    }
    const std::size_t size = file.align();
    std::memcpy(file.bytes.data(), "EMOHEADS", 8);
    file.put(8, std::uint32_t{1});
    file.put(16, static_cast<std::uint64_t>(size));
    file.put(24, static_cast<std::uint32_t>(heads.size()));
    file.put(28, rank);
    file.put(32, static_cast<std::uint32_t>(projection.positions));
    file.put(36, static_cast<std::uint32_t>(projection.width));
    file.put(40, static_cast<std::uint64_t>(file.index_offset));
    file.put(48, static_cast<std::uint64_t>(index.size()));
    file.put(64, static_cast<std::uint64_t>(file.mean_offset));
    file.put(72, static_cast<std::uint64_t>(file.mean_size));
    file.seal();
    return file;
}

/// A file in the folder for temporary files that goes when this goes.
class TemporaryFile {
  public:
    TemporaryFile() {
        const char* folder = std::getenv("TMPDIR");
        path_ = std::string(folder == nullptr ? "/tmp" : folder) + "/emonet_heads_XXXXXX";
        descriptor_ = ::mkstemp(path_.data());
        if (descriptor_ < 0) fail("make");
    }
    ~TemporaryFile() {
        ::close(descriptor_);
        ::unlink(path_.c_str());
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    const std::string& path() const { return path_; }

    void write(const std::vector<std::uint8_t>& bytes) {
        const auto size = static_cast<ssize_t>(bytes.size());
        if (::ftruncate(descriptor_, size) != 0 ||
            ::pwrite(descriptor_, bytes.data(), bytes.size(), 0) != size)
            fail("write");
    }

  private:
    /// Not a failed check: without its file a test has nothing to say.
    [[noreturn]] void fail(const char* verb) const {
        std::printf("cannot %s %s; set TMPDIR to a folder with room\n", verb, path_.c_str());
        std::exit(1);
    }

    std::string path_;
    int descriptor_ = -1;
};

}  // namespace emonet::test
