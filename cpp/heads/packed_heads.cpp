#include "heads/packed_heads.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

#include "error.hpp"
#include "kernels/kernels.hpp"

namespace emonet {
namespace {

constexpr std::size_t header_bytes = 128;
constexpr std::size_t entry_bytes = 512;
constexpr std::size_t name_bytes = 96;
constexpr std::uint32_t version = 1;

template <class Number>
Number number_at(const std::uint8_t* bytes, std::size_t offset) {
    Number number;
    std::memcpy(&number, bytes + offset, sizeof number);
    return number;
}

std::uint32_t u32(const std::uint8_t* bytes, std::size_t offset) {
    return number_at<std::uint32_t>(bytes, offset);
}

std::size_t u64(const std::uint8_t* bytes, std::size_t offset) {
    return number_at<std::uint64_t>(bytes, offset);
}

/// Says what is wrong with which file.
class Checker {
  public:
    explicit Checker(const std::string& path) : path_(path) {}

    void require(bool condition, const std::string& rule, const std::string& found) const {
        if (!condition)
            throw Error("PackedHeadsError", rule + "; '" + path_ + "' has " + found +
                                                "; the file is damaged or incomplete: copy or "
                                                "export it again");
    }
    void require(bool condition, const std::string& rule, std::size_t found) const {
        if (!condition) require(false, rule, std::to_string(found));
    }
    void check_version(std::uint32_t found) const {
        if (found > version)
            throw Error("FormatVersionError", "packed heads must have version " +
                                                  std::to_string(version) + " or older; '" + path_ +
                                                  "' has " + std::to_string(found) +
                                                  "; upgrade emonet-edge");
        require(found == version, "packed heads must have version 1", found);
    }

  private:
    const std::string& path_;
};

bool in_file(std::size_t offset, std::size_t size, std::size_t file_size) {
    return offset % page_bytes == 0 && offset >= page_bytes && size <= file_size &&
           offset <= file_size - size;
}

void check_header(const Checker& check, const std::uint8_t* header, std::size_t file_size) {
    check.require(std::memcmp(header, "EMOHEADS", 8) == 0,
                  "a packed heads file must begin with EMOHEADS", "another beginning");
    check.check_version(u32(header, 8));
    const std::uint32_t crc = kernels().heads.crc32c(0, header + 16, header_bytes - 16);
    check.require(crc == u32(header, 12), "the header's checksum must match", "another one");
    check.require(
        u64(header, 16) == file_size, "the file's size must be the header's",
        std::to_string(file_size) + " bytes instead of " + std::to_string(u64(header, 16)));
    check.require(u32(header, 24) >= 1 && u32(header, 24) <= max_heads,
                  "a file must have 1 to 4096 heads", u32(header, 24));
    check.require(u32(header, 28) == 1 || u32(header, 28) == 2,
                  "the embedding's rank must be 1 or 2", u32(header, 28));
    check.require(u32(header, 32) >= 1 && u32(header, 32) <= max_positions &&
                      (u32(header, 28) == 2 || u32(header, 32) == 1),
                  "the embedding must have 1 to 65536 positions (1 at rank 1)", u32(header, 32));
    check.require(u32(header, 36) >= 1 && u32(header, 36) <= max_width,
                  "the embedding's width must be 1 to 65536", u32(header, 36));
}

LayerShape read_layer(const Checker& check, const std::uint8_t* layer, const LayerShape* before,
                      const PackedHeadsIndex& index) {
    const std::uint32_t precision = u32(layer, 0), rows = u32(layer, 4), width = u32(layer, 8);
    check.require(precision >= 1 && precision <= 4, "a layer's precision must be 1 to 4",
                  precision);
    check.require(rows >= 1 && rows <= max_rows, "a layer must have 1 to 65536 rows", rows);
    const std::size_t expected = before == nullptr ? index.width : before->rows;
    check.require(width == expected,
                  "a layer's columns must be the embedding's width or the rows before it",
                  std::to_string(width) + " instead of " + std::to_string(expected));
    return {static_cast<Precision>(precision), rows, before == nullptr ? index.positions : 1,
            width};
}

std::string read_name(const Checker& check, const std::uint8_t* entry) {
    const auto* text = reinterpret_cast<const char*>(entry);
    const std::size_t length = ::strnlen(text, name_bytes);
    check.require(length > 0 && length < name_bytes, "a head's name must have 1 to 95 bytes",
                  length);
    const bool printable =
        std::all_of(text, text + length, [](char c) { return c >= 32 && c < 127; });
    check.require(printable, "a head's name must be printable ASCII", "other bytes");
    return {text, length};
}

PackedHead read_head(const Checker& check, const std::uint8_t* entry, const PackedHeadsIndex& index,
                     std::size_t file_size) {
    PackedHead head;
    head.name = read_name(check, entry);
    head.offset = u64(entry, 96);
    head.size = u64(entry, 104);
    head.crc32c = u32(entry, 112);
    const std::uint32_t layers = u32(entry, 116);
    check.require(layers >= 1 && layers <= max_layers, "a head must have 1 to 8 layers", layers);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < layers; ++i) {
        const LayerShape* before = i == 0 ? nullptr : &head.layers.back();
        head.layers.push_back(read_layer(check, entry + 128 + 16 * i, before, index));
        bytes += LayerLayout(head.layers.back()).bytes;
    }
    check.require(head.layers.back().rows == 1, "a head's last layer must have one row",
                  head.layers.back().rows);
    check.require(head.size == bytes, "a head's size must be that of its layers",
                  std::to_string(head.size) + " instead of " + std::to_string(bytes));
    check.require(in_file(head.offset, head.size, file_size),
                  "a head must lie on a page of its own within the file",
                  "'" + head.name + "' at " + std::to_string(head.offset));
    return head;
}

}  // namespace

PackedHeadsIndex read_packed_heads_index(const InputFile& file) {
    const Checker check(file.path());
    check.require(file.size() >= page_bytes, "a packed heads file must have at least 4096 bytes",
                  file.size());
    std::array<std::uint8_t, header_bytes> header{};
    file.read(header.data(), header.size(), 0);
    check_header(check, header.data(), file.size());

    PackedHeadsIndex index{u32(header.data(), 28), u32(header.data(), 32), u32(header.data(), 36),
                           u64(header.data(), 64), u32(header.data(), 60), {}};
    const std::size_t heads = u32(header.data(), 24);
    const std::size_t index_size = u64(header.data(), 48);
    check.require(index_size == heads * entry_bytes, "the index must have 512 bytes a head",
                  index_size);
    check.require(in_file(u64(header.data(), 40), index_size, file.size()),
                  "the index must lie within the file", u64(header.data(), 40));
    check.require(index.mean_offset == 0 ||
                      (u64(header.data(), 72) == index.positions * index.width * sizeof(float) &&
                       in_file(index.mean_offset, u64(header.data(), 72), file.size())),
                  "the mean embedding must lie within the file", index.mean_offset);

    std::vector<std::uint8_t> entries(index_size);
    file.read(entries.data(), entries.size(), u64(header.data(), 40));
    const std::uint32_t crc = kernels().heads.crc32c(0, entries.data(), entries.size());
    check.require(crc == u32(header.data(), 56), "the index's checksum must match", "another one");
    std::unordered_set<std::string> names;
    for (std::size_t i = 0; i < heads; ++i) {
        index.heads.push_back(
            read_head(check, entries.data() + i * entry_bytes, index, file.size()));
        check.require(names.insert(index.heads.back().name).second, "names must differ",
                      "'" + index.heads.back().name + "' twice");
    }
    return index;
}

}  // namespace emonet
