#pragma once

#include <cstdint>
#include <vector>

#include "heads/compensated_rounding.hpp"
#include "heads/layer_layout.hpp"

namespace emonet {

/// A layer's bytes as LayerLayout describes them.
///
/// weights [rows, positions, width] and biases [rows]; mean [positions, width] or nullptr. Where a
/// mean is given its product with the exact weights, in float64, goes into the bias, so that the
/// layer may be fed with inputs minus mean. INT8: scale = max|w| / 127 of each (row, position);
/// INT4: scale = max|w| / 7 of each group, rounded to float16 first; both round to nearest, ties
/// to even. With a compensation INT4 is rounded as compensated_rounding.hpp says; other precisions
/// take none. Throws InputError for weights that are not finite or too large for float16.
std::vector<std::uint8_t> pack_layer(const LayerShape& shape, const float* weights,
                                     const float* biases, const float* mean,
                                     const Compensation* compensation, unsigned threads);

}  // namespace emonet
