#include "heads/compensated_rounding.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "heads/half_float.hpp"
#include "heads/int4_group.hpp"

namespace emonet {
namespace {

constexpr float divisors[] = {7.5f, 8.0f, 8.5f, 9.0f, 9.5f, 10.0f};

/// Limited to -8 .. 7 and to nearest, ties to even: 1.5 * 2^23 leaves no bit for a fraction.
/// std::rint would be a call for each weight where SSE 4.1 is not assumed.
inline float round_to_int4(float value) {
    const float limited = std::min(7.0f, std::max(-8.0f, value));  // in this order NaN is -8
    return (limited + 12582912.0f) - 12582912.0f;
}

/// Rows are SIMD lanes here as in the layout: every array is [columns][rows].
template <std::size_t rows>
class BlockRounding {
  public:
    BlockRounding(const Compensation& compensation, std::size_t width)
        : compensation_(compensation),
          width_(width),
          targets_(width * rows),
          errors_(width * rows, 0.0f) {}

    /// weights: row r's position begins at weights + r * stride; bytes: the position's.
    void round_position(const float* weights, std::size_t stride, std::size_t n_rows,
                        std::uint8_t* bytes) {
        for (std::size_t c = 0; c < width_; ++c) {
            float* target = targets_.data() + c * rows;
            for (std::size_t r = 0; r < n_rows; ++r) target[r] = weights[r * stride + c];
            add_shares(compensation_.next_position + c * width_, width_, target);
        }
        const std::size_t group_bytes = rows * (sizeof(std::uint16_t) + int4_group_width / 2);
        for (std::size_t first = 0; first < width_; first += int4_group_width)
            round_group(first, std::min(int4_group_width, width_ - first),
                        bytes + first / int4_group_width * group_bytes);
    }

  private:
    /// target[r] += sum over d < count of shares[d] * errors[d, r].
    void add_shares(const float* shares, std::size_t count, float* target) const {
        float sums[rows] = {};
        const float* errors = errors_.data();
        for (std::size_t d = 0; d < count; ++d)
            for (std::size_t r = 0; r < rows; ++r) sums[r] += shares[d] * errors[d * rows + r];
        for (std::size_t r = 0; r < rows; ++r) target[r] += sums[r];
    }

    void round_group(std::size_t first, std::size_t width, std::uint8_t* bytes) {
        choose_scales(targets_.data() + first * rows, width);
        Int4Group groups[rows];
        for (std::size_t r = 0; r < rows; ++r) groups[r].scale = half_from_float(scales_[r]);
        for (std::size_t k = 0; k < width; ++k) {
            const std::size_t c = first + k;
            const float* target = targets_.data() + c * rows;
            float wanted[rows];
            std::copy_n(target, rows, wanted);
            add_shares(compensation_.later_columns + c * width_, c, wanted);
            for (std::size_t r = 0; r < rows; ++r) {
                const float value = round_to_int4(wanted[r] * inverses_[r]);
                errors_[c * rows + r] = target[r] - value * scales_[r];
                groups[r].values[k] = static_cast<std::int8_t>(value);
            }
        }
        for (std::size_t r = 0; r < rows; ++r) store_int4_group(groups[r], rows, r, bytes);
    }

    /// Sets scales_ and inverses_ for a group's targets [width][rows].
    void choose_scales(const float* targets, std::size_t width) {
        float largest[rows] = {};
        for (std::size_t k = 0; k < width; ++k)
            for (std::size_t r = 0; r < rows; ++r)
                if (std::fabs(targets[k * rows + r]) > std::fabs(largest[r]))
                    largest[r] = targets[k * rows + r];
        float least[rows];
        std::fill_n(least, rows, std::numeric_limits<float>::infinity());
        std::fill_n(scales_, rows, 0.0f);
        std::fill_n(inverses_, rows, 0.0f);
        for (const float divisor : divisors) try_scales(targets, width, largest, divisor, least);
    }

    void try_scales(const float* targets, std::size_t width, const float* largest, float divisor,
                    float* least) {
        float scales[rows], inverses[rows], sums[rows] = {};
        for (std::size_t r = 0; r < rows; ++r) {
            const float magnitude = std::min(largest_half, std::fabs(largest[r]) / divisor);
            const float half = float_from_half(half_from_float(magnitude));
            scales[r] = largest[r] > 0 ? -half : half;
            inverses[r] = half > 0 ? 1.0f / scales[r] : 0.0f;
        }
        for (std::size_t k = 0; k < width; ++k)
            for (std::size_t r = 0; r < rows; ++r) {
                const float target = targets[k * rows + r];
                const float error = target - round_to_int4(target * inverses[r]) * scales[r];
                sums[r] += error * error;
            }
        for (std::size_t r = 0; r < rows; ++r)
            if (sums[r] < least[r]) {
                least[r] = sums[r];
                scales_[r] = scales[r];
                inverses_[r] = inverses[r];
            }
    }

    Compensation compensation_;
    std::size_t width_;
    std::vector<float> targets_;
    std::vector<float> errors_;  // of the position before, replaced column by column
    float scales_[rows];
    float inverses_[rows];
};

template <std::size_t rows>
void round_rows(const LayerShape& shape, const LayerLayout& layout,
                const Compensation& compensation, const float* weights, std::size_t n_rows,
                std::uint8_t* block) {
    BlockRounding<rows> rounding(compensation, shape.width);
    for (std::size_t p = 0; p < shape.positions; ++p)
        rounding.round_position(weights + p * shape.width, shape.positions * shape.width, n_rows,
                                block + p * layout.position_bytes);
}

}  // namespace

void round_block_compensated(const LayerShape& shape, const LayerLayout& layout,
                             const Compensation& compensation, const float* weights,
                             std::size_t n_rows, std::uint8_t* block) {
    switch (layout.rows_per_block) {
        case 32:
            return round_rows<32>(shape, layout, compensation, weights, n_rows, block);
        case 16:
            return round_rows<16>(shape, layout, compensation, weights, n_rows, block);
        default:
            return round_rows<8>(shape, layout, compensation, weights, n_rows, block);
    }
}

}  // namespace emonet
