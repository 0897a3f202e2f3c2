// The image kernels of every x86 ISA. They use 256-bit integer arithmetic that the wider ISAs do
// not improve on, so each compiles the same source. Included inside its namespace.
#pragma once

#include "kernels/bodies/resample.hpp"
#include "kernels/bodies/yuv.hpp"
// The plain loops finish what does not fill a vector.
#include "kernels/bodies/resample_avx2.hpp"
#include "kernels/bodies/yuv_avx2.hpp"

namespace {

constexpr ImageKernels image_kernels() {
    return {image::resample_four_rows, image::blend_rows, image::normalise_row, image::nv12_row,
            image::yuyv_row};
}

}  // namespace
