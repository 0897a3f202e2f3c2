#pragma once

#include <cstddef>
#include <cstdint>

#include "heads/layer_layout.hpp"

namespace emonet {

/// How the rounding errors of INT4 weights are made up for by the weights that are rounded after
/// them. An error is what a weight was to be minus what it became. Both matrices are [width, width]
/// and row-major; row c says what column c takes over of the errors of the columns d.
struct Compensation {
    const float* next_position;  // of the position before
    const float* later_columns;  // of the same position, d < c; the rest is not read
};

/// Rounds one block of rows, position after position and column after column:
///
///   target[p, c] = weight[p, c] + sum over d of next_position[c, d] * error[p - 1, d]
///   value[p, c]  = round((target[p, c] + sum over d < c of later_columns[c, d] * error[p, d])
///                        / scale), limited to -8 .. 7
///   error[p, c]  = target[p, c] - value[p, c] * scale
///
/// Scales: of max|target| / 7.5, 8, 8.5, 9, 9.5 and 10 the one that leaves the least squared error
/// in its group; their sign makes the largest target negative, because -8 reaches further than 7.
/// Ties to even; sums in float32, in the order of d.
///
/// weights [n_rows, positions, width] with n_rows <= layout.rows_per_block, block: its bytes,
/// zero before.
void round_block_compensated(const LayerShape& shape, const LayerLayout& layout,
                             const Compensation& compensation, const float* weights,
                             std::size_t n_rows, std::uint8_t* block);

}  // namespace emonet
