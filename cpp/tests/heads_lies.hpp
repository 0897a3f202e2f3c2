#pragma once

// What a packed heads file can say that is not so, and the rule that must answer it.
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "packed_heads_file.hpp"

namespace emonet::test {

/// One way to change a file of four heads, the first with two layers, and the answer to it.
struct Lie {
    const char* rule;  // a part of the message that must answer it
    std::function<void(PackedHeadsBytes&)> tell;
    bool sealed = true;  // checksums made right again
    const char* kind = "PackedHeadsError";
};

/// A number in the header.
template <class Number>
Lie lie(const char* rule, std::size_t offset, Number number) {
    return {rule, [=](PackedHeadsBytes& file) { file.put(offset, number); }};
}

/// A number in the second head's index entry.
template <class Number>
Lie index_lie(const char* rule, std::size_t offset, Number number) {
    return {rule, [=](PackedHeadsBytes& file) { file.put(file.entry(1) + offset, number); }};
}

/// One bit, under the checksums as they were.
inline Lie flip(const char* rule, std::size_t (*where)(const PackedHeadsBytes&)) {
    return {rule, [=](PackedHeadsBytes& file) { file.bytes[where(file)] ^= 1; }, false};
}

inline std::vector<Lie> header_lies() {
    using u32 = std::uint32_t;
    using u64 = std::uint64_t;
    std::vector<Lie> lies{
        lie("begin with EMOHEADS", 0, 'e'),
        lie("must have version 1", 8, u32{0}),
        flip("header's checksum", [](const auto&) { return std::size_t{127}; }),
        lie("file's size must be", 16, u64{0}),
        lie("file's size must be", 16, ~u64{0}),
        lie("1 to 4096 heads", 24, u32{0}),
        lie("1 to 4096 heads", 24, u32{4097}),
        lie("rank must be 1 or 2", 28, u32{0}),
        lie("rank must be 1 or 2", 28, u32{3}),
        lie("1 to 65536 positions", 28, u32{1}),  // rank 1, and still three positions
        lie("1 to 65536 positions", 32, u32{0}),
        lie("1 to 65536 positions", 32, u32{65537}),
        lie("width must be 1 to 65536", 36, u32{0}),
        lie("width must be 1 to 65536", 36, ~u32{0}),
        lie("512 bytes a head", 48, u64{0}),
        lie("512 bytes a head", 24, u32{3}),  // one head less than the index has
        lie("the mean embedding must lie", 72, u64{4}),
        lie("the mean embedding must lie", 72, ~u64{0}),
        {"must have version", [](auto& file) { file.put(8, u32{2}); }, true, "FormatVersionError"},
    };
    // Not aligned, over the header, behind the end, and so that offset + size wraps around.
    for (u64 offset : {u64{4097}, u64{0}, u64{1} << 40, ~u64{4095}, ~u64{0}})
        lies.push_back(lie("index must lie within", 40, offset));
    for (u64 offset : {u64{4097}, u64{1}, u64{1} << 40, ~u64{4095}, ~u64{0}})
        lies.push_back(lie("the mean embedding must lie", 64, offset));
    return lies;
}

inline std::vector<Lie> index_lies() {
    using u32 = std::uint32_t;
    using u64 = std::uint64_t;
    std::vector<Lie> lies{
        flip("index's checksum", [](const auto& file) { return file.entry(3) + 511; }),
        index_lie("name must have 1 to 95 bytes", 0, '\0'),
        index_lie("printable ASCII", 0, '\n'),
        index_lie("printable ASCII", 0, '\x7f'),
        index_lie("size must be that of its layers", 104, u64{0}),
        index_lie("size must be that of its layers", 104, ~u64{0}),
        index_lie("1 to 8 layers", 116, u32{0}),
        index_lie("1 to 8 layers", 116, u32{9}),
        index_lie("last layer must have one row", 116, u32{1}),
        index_lie("precision must be 1 to 4", 128, u32{0}),
        index_lie("precision must be 1 to 4", 128, u32{5}),
        index_lie("1 to 65536 rows", 132, u32{0}),
        index_lie("1 to 65536 rows", 132, ~u32{0}),
        index_lie("columns must be", 136, u32{64}),
        index_lie("columns must be", 152, u32{65}),  // of the layer behind the projection
        index_lie("size must be that of its layers", 128, u32{4}),
        {"size must be that of its layers",  // positions that no head has
         [](auto& file) {
             file.put(32, u32{65536});
             file.put(64, u64{0});
         }},
        {"must have 1 to 95 bytes",
         [](auto& file) { std::memset(file.bytes.data() + file.entry(1), 'a', 96); }},
        {"names must differ",
         [](auto& file) {
             std::memcpy(file.bytes.data() + file.entry(1), file.bytes.data() + file.entry(0), 96);
         }},
    };
    for (u64 offset : {u64{4097}, u64{0}, u64{1} << 40, ~u64{4095}, ~u64{0}})
        lies.push_back(index_lie("a page of its own within the file", 96, offset));
    return lies;
}

inline std::vector<Lie> lies_in_the_data() {
    return {
        flip("every head's checksum", [](const auto& file) { return file.head_offsets[2]; }),
        flip("mean embedding's checksum", [](const auto& file) { return file.mean_offset; }),
    };
}

}  // namespace emonet::test
