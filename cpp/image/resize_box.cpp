#include "image/resize_box.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "image/box_rows.hpp"
#include "image/resample_axis.hpp"

namespace emonet {
namespace {

/// Shortens rows to n_out pixels, four at a time. The kernel reads a little past the pixels that
/// it needs; where that would leave the row it gets a padded copy of the row's end instead.
class RowResampler {
  public:
    RowResampler(const ResampleAxis& axis, const ImageKernels& kernels)
        : width_(axis.n_in()), taps_(axis.taps()), kernels_(kernels) {
        while (split_ < taps_.n_out && last_byte(split_, 0) <= std::ptrdiff_t{3} * width_) ++split_;
        if (split_ == taps_.n_out) return;
        origin_ = taps_.first[split_];
        end_stride_ = last_byte(taps_.n_out - 1, origin_);
        ends_.resize(4 * end_stride_);
    }

    void operator()(const FourRows& rows, std::uint8_t* const* out) {
        kernels_.resample_four_rows(taps_, 0, split_, 0, rows.data(), out);
        if (split_ == taps_.n_out) return;
        FourRows ends;
        for (int i = 0; i < 4; ++i) {
            std::uint8_t* end = ends_.data() + i * end_stride_;
            std::memcpy(end, rows[i] + std::ptrdiff_t{3} * origin_,
                        static_cast<std::size_t>(3) * (width_ - origin_));
            ends[i] = end;
        }
        kernels_.resample_four_rows(taps_, split_, taps_.n_out, origin_, ends.data(), out);
    }

  private:
    std::ptrdiff_t last_byte(int out, int origin) const {
        return std::ptrdiff_t{3} * (taps_.first[out] - origin + 4 * taps_.n_groups) + 4;
    }

    const int width_;
    const ResampleTaps taps_;
    const ImageKernels& kernels_;
    int split_ = 0;   // the first output pixel that is made from the padded ends
    int origin_ = 0;  // the input pixel that these start with
    std::ptrdiff_t end_stride_ = 0;
    std::vector<std::uint8_t> ends_;
};

/// The last rows that were shortened, in groups of four; row y is in slot y % capacity.
class RowRing {
  public:
    RowRing(int n_pixels, int n_needed)
        : row_bytes_((n_pixels * 3 + 31) / 32 * 32),
          stride_(row_bytes_ + 32),  // the kernels write a little past the last pixel
          capacity_((n_needed + 3 + 3) / 4 * 4),
          rows_(static_cast<std::size_t>(stride_) * capacity_) {}

    int row_bytes() const { return row_bytes_; }
    std::uint8_t* row(int y) { return rows_.data() + std::ptrdiff_t{y % capacity_} * stride_; }

  private:
    const int row_bytes_, stride_, capacity_;
    std::vector<std::uint8_t> rows_;
};

}  // namespace

void resize_box(const Picture& picture, const PixelBox& box, int size, const ImageKernels& kernels,
                const TakeRow& take_row) {
    const ResampleAxis columns(box.width, size), lines(box.height, size);
    BoxRows source(picture, box, kernels);
    RowResampler shorten(columns, kernels);
    RowRing ring(size, lines.max_count());
    std::vector<const std::uint8_t*> needed(lines.max_count());
    std::vector<std::uint8_t> result(ring.row_bytes());
    int n_shortened = 0;
    for (int y = 0; y < size; ++y) {
        const int first = lines.first(y), count = lines.count(y);
        for (; n_shortened < first + count; n_shortened += 4) {
            std::uint8_t* const out[4] = {ring.row(n_shortened), ring.row(n_shortened + 1),
                                          ring.row(n_shortened + 2), ring.row(n_shortened + 3)};
            shorten(source.at(n_shortened), out);
        }
        for (int i = 0; i < count; ++i) needed[i] = ring.row(first + i);
        kernels.blend_rows(needed.data(), count, lines.coefficients(y), ring.row_bytes(),
                           result.data());
        take_row(y, result.data());
    }
}

}  // namespace emonet
