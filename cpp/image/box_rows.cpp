#include "image/box_rows.hpp"

namespace emonet {

BoxRows::BoxRows(const Picture& picture, const PixelBox& box, const ImageKernels& kernels)
    : picture_(picture), box_(box), kernels_(kernels) {
    if (picture.format == PixelFormat::rgb || picture.format == PixelFormat::bgr) return;
    coefficients_ = yuv_coefficients(picture.matrix, picture.range);
    even_x_ = box.x & ~1;
    even_width_ = ((box.x + box.width + 1) & ~1) - even_x_;  // the picture's width is even
}

const std::uint8_t* BoxRows::row(int y, std::uint8_t* buffer) const {
    const std::ptrdiff_t line = box_.y + y;
    const std::uint8_t* data = picture_.data + line * picture_.stride;
    if (picture_.format == PixelFormat::nv12)
        kernels_.nv12_row(data + even_x_,
                          picture_.chroma + line / 2 * picture_.chroma_stride + even_x_,
                          even_width_, coefficients_, buffer);
    else if (picture_.format == PixelFormat::yuyv)
        kernels_.yuyv_row(data + std::ptrdiff_t{even_x_} * 2, even_width_, coefficients_, buffer);
    else
        return data + std::ptrdiff_t{box_.x} * 3;
    return buffer + (box_.x - even_x_) * 3;
}

}  // namespace emonet
