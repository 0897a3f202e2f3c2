#include "image/resample_axis.hpp"

#include <algorithm>

namespace emonet {
namespace {

constexpr int precision_bits = 22;
constexpr int split_bits = 11;

double triangle(double x) {
    x = x < 0 ? -x : x;
    return x < 1 ? 1 - x : 0;
}

// Pillow adds and divides in this order; another order would round differently.
void weigh(int first, double center, double inverse_scale, std::vector<double>& weights) {
    double total = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        weights[i] = triangle((static_cast<int>(i) + first - center + 0.5) * inverse_scale);
        total += weights[i];
    }
    for (double& weight : weights) weight /= total;
}

void split(const std::vector<double>& weights, std::int16_t* groups) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const int fixed = static_cast<int>(0.5 + weights[i] * (1 << precision_bits));
        std::int16_t* group = groups + i / 4 * 8 + i % 4;
        group[0] = static_cast<std::int16_t>(fixed >> split_bits);
        group[4] = static_cast<std::int16_t>(fixed & ((1 << split_bits) - 1));
    }
}

}  // namespace

ResampleAxis::ResampleAxis(int n_in, int n_out)
    : n_in_(n_in), n_out_(n_out), first_(n_out), count_(n_out) {
    const double scale = static_cast<double>(n_in) / n_out;
    const double support = std::max(scale, 1.0);  // the triangle's half-width in input pixels
    const auto center = [scale](int x) { return (x + 0.5) * scale; };
    for (int x = 0; x < n_out; ++x) {
        first_[x] = std::max(static_cast<int>(center(x) - support + 0.5), 0);
        count_[x] = std::min(static_cast<int>(center(x) + support + 0.5), n_in) - first_[x];
    }
    max_count_ = *std::max_element(count_.begin(), count_.end());
    n_groups_ = (max_count_ + 3) / 4;
    coefficients_.resize(static_cast<std::size_t>(n_out) * n_groups_ * 8);
    std::vector<double> weights;
    for (int x = 0; x < n_out; ++x) {
        weights.resize(count_[x]);
        weigh(first_[x], center(x), 1.0 / support, weights);
        split(weights, coefficients_.data() + static_cast<std::ptrdiff_t>(x) * n_groups_ * 8);
    }
}

ResampleTaps ResampleAxis::taps() const {
    return {first_.data(), count_.data(), coefficients_.data(), n_out_, n_groups_};
}

}  // namespace emonet
