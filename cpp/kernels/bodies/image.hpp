// The image kernels of the portable ISA. Included inside its namespace.
#pragma once

#include "kernels/bodies/resample.hpp"
#include "kernels/bodies/yuv.hpp"

namespace {

constexpr ImageKernels image_kernels() {
    return {image::plain_resample_four_rows, image::plain_blend_rows, image::plain_normalise_row,
            image::plain_nv12_row, image::plain_yuyv_row};
}

}  // namespace
