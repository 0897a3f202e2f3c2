#pragma once

#include <cstddef>
#include <cstdint>

#include "heads/layer_layout.hpp"

namespace emonet {

/// One row's group of columns in INT4: weight = scale * value, values -8 .. 7.
struct Int4Group {
    std::uint16_t scale = 0;  // float16; its sign is free
    std::int8_t values[int4_group_width] = {};
};

/// Into lane `lane` of a group's bytes for `rows` rows, as LayerLayout describes them.
void store_int4_group(const Int4Group& group, std::size_t rows, std::size_t lane,
                      std::uint8_t* bytes);

}  // namespace emonet
