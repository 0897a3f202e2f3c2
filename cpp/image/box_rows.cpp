#include "image/box_rows.hpp"

#include <algorithm>

namespace emonet {

BoxRows::BoxRows(const Picture& picture, const PixelBox& box, const ImageKernels& kernels)
    : picture_(picture), box_(box), kernels_(kernels) {
    if (picture.format == PixelFormat::rgb || picture.format == PixelFormat::bgr) return;
    coefficients_ = yuv_coefficients(picture.matrix, picture.range);
    even_x_ = box.x & ~1;
    even_width_ = ((box.x + box.width + 1) & ~1) - even_x_;  // the picture's width is even
    buffer_.resize(static_cast<std::size_t>(even_width_) * 3 * 4);
}

FourRows BoxRows::at(int y) {
    FourRows rows{};
    for (int i = 0; i < 4; ++i) {
        if (y + i >= box_.height)
            rows[i] = rows[i - 1];
        else if (buffer_.empty())
            rows[i] = picture_.data + (box_.y + y + i) * picture_.stride + std::ptrdiff_t{box_.x} * 3;
        else
            rows[i] = converted(y + i, buffer_.data() + std::ptrdiff_t{i} * even_width_ * 3);
    }
    return rows;
}

const std::uint8_t* BoxRows::converted(int y, std::uint8_t* rgb) const {
    const std::ptrdiff_t row = box_.y + y;
    const std::uint8_t* luma = picture_.data + row * picture_.stride;
    if (picture_.format == PixelFormat::nv12)
        kernels_.nv12_row(luma + even_x_, picture_.chroma + row / 2 * picture_.chroma_stride + even_x_,
                          even_width_, coefficients_, rgb);
    else
        kernels_.yuyv_row(luma + std::ptrdiff_t{even_x_} * 2, even_width_, coefficients_, rgb);
    return rgb + (box_.x - even_x_) * 3;
}

}  // namespace emonet
