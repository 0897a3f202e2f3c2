#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "heads/layer_layout.hpp"
#include "heads/mapped_file.hpp"

namespace emonet {

/// The packed heads file, version 1. Little endian, every section page-aligned (4096 bytes):
///
///   offset  size
///   0       8     magic "EMOHEADS"
///   8       4     version
///   12      4     crc32c of bytes 16..127
///   16      8     size of the file
///   24      4     heads
///   28      4     embedding rank: 1 [width] or 2 [positions, width]
///   32      4     positions (1 for rank 1)
///   36      4     width
///   40      8     index offset
///   48      8     index size: heads x 512
///   56      4     crc32c of the index
///   60      4     crc32c of the mean embedding
///   64      8     mean offset; 0 where there is none
///   72      8     mean size: positions x width x 4
///   80      48    zero
///
/// An index entry:
///   0       96    name, printable ASCII, padded with zeros
///   96      8     block offset
///   104     8     block size: the sum of its layers' sizes
///   112     4     crc32c of the block
///   116     4     layers, 1..8
///   120     8     zero
///   128     8 x 16  layers: precision, rows, columns at one position, zero (4 bytes each)
///   256     256   zero
///
/// The first layer is the projection: [positions x width] inputs, of which the mean embedding is
/// subtracted where it is INT8 or INT4 (its product with the exact weights is in the bias). ReLU
/// stands between layers, the last one has one row: the score.
struct PackedHead {
    std::string name;
    std::size_t offset;
    std::size_t size;
    std::uint32_t crc32c;
    std::vector<LayerShape> layers;
};

struct PackedHeadsIndex {
    std::size_t rank;
    std::size_t positions;
    std::size_t width;
    std::size_t mean_offset;  // 0 where there is none
    std::uint32_t mean_crc32c;
    std::vector<PackedHead> heads;
};

inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t max_heads = 4096;
inline constexpr std::size_t max_layers = 8;
inline constexpr std::size_t max_rows = 1 << 16;
inline constexpr std::size_t max_width = 1 << 16;  // keeps 8 bits of activation, see QuantizedBatch
inline constexpr std::size_t max_positions = 1 << 16;

/// Reads and checks header and index. Trusts no number in them: allocates nothing that the file's
/// size does not back. Throws PackedHeadsError, or FormatVersionError for a newer version.
PackedHeadsIndex read_packed_heads_index(const InputFile& file);

}  // namespace emonet
