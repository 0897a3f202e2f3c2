#include "heads/int4_group.hpp"

#include <cstring>

namespace emonet {

void store_int4_group(const Int4Group& group, std::size_t rows, std::size_t lane,
                      std::uint8_t* bytes) {
    std::memcpy(bytes + lane * sizeof group.scale, &group.scale, sizeof group.scale);
    std::uint8_t* steps = bytes + rows * sizeof group.scale;
    for (std::size_t c = 0; c < int4_group_width; c += 8) {
        std::uint16_t words[2] = {};
        for (std::size_t k = 0; k < 8; ++k) {
            const auto nibble = static_cast<unsigned>(group.values[c + k] + 8);
            words[k % 2] = static_cast<std::uint16_t>(words[k % 2] | (nibble << (4 * (k / 2))));
        }
        std::memcpy(steps + (c / 8 * rows + lane) * sizeof words, words, sizeof words);
    }
}

}  // namespace emonet
