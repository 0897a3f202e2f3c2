#pragma once

#include <cstdint>
#include <vector>

#include "kernels/image_kernels.hpp"

namespace emonet {

/// One axis of Pillow's antialiased bilinear resize from n_in to n_out pixels (Resample.c:
/// precompute_coeffs and normalize_coeffs_8bpc): a triangle whose half-width grows with the
/// reduction, coefficients normalised in double and rounded to 22-bit fixed point.
class ResampleAxis {
  public:
    ResampleAxis(int n_in, int n_out);

    int n_in() const { return n_in_; }
    int max_count() const { return max_count_; }
    int first(int out) const { return first_[out]; }
    int count(int out) const { return count_[out]; }
    const std::int16_t* coefficients(int out) const {
        return coefficients_.data() + static_cast<std::ptrdiff_t>(out) * n_groups_ * 8;
    }
    /// What the kernels take; valid as long as this object lives.
    ResampleTaps taps() const;

  private:
    int n_in_, n_out_, n_groups_ = 0, max_count_ = 0;
    std::vector<std::int32_t> first_, count_;
    std::vector<std::int16_t> coefficients_;
};

}  // namespace emonet
