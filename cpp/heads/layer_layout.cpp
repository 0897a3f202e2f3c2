#include "heads/layer_layout.hpp"

#include "error.hpp"

namespace emonet {
namespace {

int rows_per_block_of(std::size_t rows) {
    if (rows % 32 == 0) return 32;
    return rows % 16 == 0 ? 16 : 8;
}

std::size_t position_bytes_of(const LayerShape& shape, std::size_t rows) {
    switch (shape.precision) {
        case Precision::int8:
            return rows * sizeof(float) + round_up(shape.width, 2) * rows;
        case Precision::int4:
            return round_up(shape.width, int4_group_width) / int4_group_width * rows *
                   (sizeof(std::uint16_t) + int4_group_width / 2);
        case Precision::fp16:
            return shape.width * rows * sizeof(std::uint16_t);
        case Precision::fp32:
            return shape.width * rows * sizeof(float);
    }
    return 0;
}

}  // namespace

const char* precision_name(Precision precision) {
    switch (precision) {
        case Precision::int8:
            return "int8";
        case Precision::int4:
            return "int4";
        case Precision::fp16:
            return "fp16";
        case Precision::fp32:
            return "fp32";
    }
    return "unknown";
}

Precision precision_from_name(const std::string& name) {
    for (Precision precision : {Precision::int8, Precision::int4, Precision::fp16, Precision::fp32})
        if (name == precision_name(precision)) return precision;
    throw Error("InputError", "a precision must be one of int8, int4, fp16, fp32; got '" + name +
                                  "'; choose one of them");
}

LayerLayout::LayerLayout(const LayerShape& shape) {
    rows_per_block = rows_per_block_of(shape.rows);
    const auto rows = static_cast<std::size_t>(rows_per_block);
    padded_rows = round_up(shape.rows, rows);
    blocks = padded_rows / rows;
    position_bytes = position_bytes_of(shape, rows);
    block_bytes = position_bytes * shape.positions;
    bias_offset = block_bytes * blocks;
    bytes = round_up(bias_offset + padded_rows * sizeof(float), 64);
}

}  // namespace emonet
