#pragma once

#include <cstddef>
#include <cstdint>

namespace emonet {

/// One row block of a packed layer (layouts: heads/layer_layout.hpp), for all its positions.
struct RowBlock {
    const std::uint8_t* data;
    int rows;                    // 8, 16 or 32: the lanes of a kernel
    std::size_t positions;       // encoder positions of a projection, 1 in later layers
    std::size_t width;           // values at one position
    std::size_t position_bytes;  // from one position's weights to the next's
};

/// A batch of inputs as integers: value ~ values * scale.
struct QuantizedInputs {
    const std::int16_t* values;      // [batch, positions, padded_width]
    const float* scales;             // [batch, positions]
    const std::int32_t* group_sums;  // [batch, positions, groups], for INT4 only
    std::size_t batch;
    std::size_t padded_width;  // width rounded up to whole INT4 groups, zeros behind it
};

/// A batch of inputs as they are.
struct FloatInputs {
    const float* values;  // [batch, positions, width]
    std::size_t batch;
};

/// Quantized projections read several stretches of positions side by side, because one core
/// fetches faster from several places than from one (Zen 3: 19 GB/s from one, 24 from two).
/// Stretch n has positions [n x apart, (n + 1) x apart) with apart = positions / position_streams,
/// and a sum of its own; the positions that are left over belong to stretch 0, after its own.
inline constexpr int position_streams = 2;

/// Columns under one INT4 scale. Part of the file format; also what every quantized input's width
/// is rounded up to.
inline constexpr std::size_t int4_group_width = 64;

struct HeadsKernels {
    /// sums[n, b, r] = sum over the positions of stretch n of
    /// input scale x weight scale x integer dot product.
    /// The dot products are exact and the float operations have one order, without FMA: every
    /// ISA gives the same bits. `sums` is [position_streams, batch, rows].
    void (*project_int8)(const RowBlock&, const QuantizedInputs&, float* sums);
    void (*project_int4)(const RowBlock&, const QuantizedInputs&, float* sums);

    /// sums[b, r] = sum of weight x input in float32; ISAs differ by rounding (1e-5 of the sum of
    /// the products' magnitudes).
    void (*project_fp16)(const RowBlock&, const FloatInputs&, float* sums);
    void (*project_fp32)(const RowBlock&, const FloatInputs&, float* sums);

    /// One position: q = round_to_even((x - mean) * (levels / max|x - mean|)), zeros up to
    /// padded_width; returns the scale max|x - mean| / levels (0 for a constant zero).
    float (*quantize_position)(const float* values, const float* mean, std::size_t width,
                               std::size_t padded_width, float levels, std::int16_t* quantized);

    /// CRC-32C (Castagnoli), continuing from `crc` (0 to begin).
    std::uint32_t (*crc32c)(std::uint32_t crc, const std::uint8_t* data, std::size_t size);
};

}  // namespace emonet
