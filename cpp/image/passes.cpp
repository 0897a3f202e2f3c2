#include "image/passes.hpp"

#include <cstring>

namespace emonet {
namespace {

constexpr int block = 32;

int whole_blocks(int n_bytes) { return (n_bytes + block - 1) / block * block; }

}  // namespace

RowPass::RowPass(const ResampleAxis& axis, const ImageKernels& kernels)
    : width_(axis.n_in()), taps_(axis.taps()), kernels_(kernels) {
    while (split_ < taps_.n_out && bytes_read(split_, 0) <= std::ptrdiff_t{3} * width_) ++split_;
    if (split_ == taps_.n_out) return;
    origin_ = taps_.first[split_];
    end_stride_ = bytes_read(taps_.n_out - 1, origin_);
    ends_.resize(4 * end_stride_);
}

void RowPass::operator()(const FourRows& rows, const FourTargets& out) {
    kernels_.resample_four_rows(taps_, 0, split_, 0, rows.data(), out.data());
    if (split_ == taps_.n_out) return;
    FourRows ends;
    for (int i = 0; i < 4; ++i) {
        std::uint8_t* const end = ends_.data() + i * end_stride_;
        std::memcpy(end, rows[i] + std::ptrdiff_t{3} * origin_,
                    static_cast<std::size_t>(3) * (width_ - origin_));
        ends[i] = end;
    }
    kernels_.resample_four_rows(taps_, split_, taps_.n_out, origin_, ends.data(), out.data());
}

std::ptrdiff_t RowPass::bytes_read(int out, int origin) const {
    return std::ptrdiff_t{3} * (taps_.first[out] - origin + 4 * taps_.n_groups) + 4;
}

ColumnPass::ColumnPass(const ResampleAxis& axis, int n_bytes, const ImageKernels& kernels)
    : axis_(axis), n_bytes_(n_bytes), kernels_(kernels) {
    if (n_bytes % block == 0) return;
    ends_.resize(static_cast<std::size_t>(axis.max_count()) * block);
    end_rows_.resize(axis.max_count());
    for (int i = 0; i < axis.max_count(); ++i)
        end_rows_[i] = ends_.data() + std::ptrdiff_t{i} * block;
}

void ColumnPass::operator()(int y, const std::uint8_t* const* rows, std::uint8_t* out) {
    const int count = axis_.count(y);
    const int rest = n_bytes_ % block, start = n_bytes_ - rest;
    kernels_.blend_rows(rows, count, axis_.coefficients(y), start, out);
    if (rest == 0) return;
    for (int i = 0; i < count; ++i)
        std::memcpy(ends_.data() + std::ptrdiff_t{i} * block, rows[i] + start, rest);
    kernels_.blend_rows(end_rows_.data(), count, axis_.coefficients(y), block, out + start);
}

RowRing::RowRing(int row_bytes, int n_slots)
    : stride_(whole_blocks(row_bytes) + block),  // the kernels write a little past the last pixel
      n_slots_(n_slots),
      rows_(static_cast<std::size_t>(stride_) * n_slots) {}

}  // namespace emonet
