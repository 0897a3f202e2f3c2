#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/heads_kernels.hpp"

namespace emonet {

/// How a layer's weights are stored. The numbers are part of the file format.
enum class Precision : std::uint32_t { int8 = 1, int4 = 2, fp16 = 3, fp32 = 4 };

const char* precision_name(Precision precision);

/// Throws InputError for a name that is none.
Precision precision_from_name(const std::string& name);

/// A dense layer: [rows] outputs of [positions x width] inputs. A head's projection sees the
/// embedding's positions; the layers behind it have one position.
struct LayerShape {
    Precision precision;
    std::size_t rows;
    std::size_t positions;
    std::size_t width;
};

/// Where a layer's bytes are.
///
/// Rows stand side by side as SIMD lanes, in blocks of 32 (16 or 8 where 32 does not divide the
/// rows; then rows are padded with zeros to a multiple of the block). A block is one contiguous
/// stream over all positions, so that threads split rows and each reads straight ahead:
///
///   layer    = block 0 .. block n-1, biases [padded rows] float32, padding to 64 bytes
///   block    = position 0 .. position n-1
///   position =
///     INT8: scales [rows] float32, then for each pair of columns [rows][2] int8
///     INT4: for each group of 64 columns: scales [rows] float16, then for each 8 columns
///           [rows][2] 16-bit words; nibble j of word i holds weight + 8 of column 2 j + i
///     fp16, fp32: for each column [rows] values
///
/// Little endian. INT8 is symmetric with one scale for each (row, position), INT4 for each
/// (row, position, group of 64); the columns missing from the last pair or group are zero.
struct LayerLayout {
    explicit LayerLayout(const LayerShape& shape);

    int rows_per_block;
    std::size_t blocks;
    std::size_t padded_rows;
    std::size_t position_bytes;
    std::size_t block_bytes;
    std::size_t bias_offset;
    std::size_t bytes;  // the layer's, a multiple of 64
};

inline std::size_t round_up(std::size_t value, std::size_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

}  // namespace emonet
