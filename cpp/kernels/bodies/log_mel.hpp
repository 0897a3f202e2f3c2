// Log-mel energies of n frames side by side, one frame per lane. Include inside the namespace of
// an ISA; the file may be included once per namespace.

namespace log_mel {
namespace {

#include "kernels/bodies/log_mel_dft.hpp"

/// Loads n frames that start `hop` samples apart and multiplies them by the window:
/// windowed[i] = sample i of every frame. Four samples of n frames are n / 4 transposes of 4 x 4.
template <class V>
EMONET_INLINE void load_windowed(const float* samples, const float* window, V* windowed) {
    constexpr int hop = log_mel_hop;
    for (int i = 0; i < log_mel_n_fft; i += 4) {
        const V r0 = load_quads<V>(samples + i, hop);
        const V r1 = load_quads<V>(samples + i + hop, hop);
        const V r2 = load_quads<V>(samples + i + 2 * hop, hop);
        const V r3 = load_quads<V>(samples + i + 3 * hop, hop);
        const V low02 = zip_quads<0>(r0, r2), high02 = zip_quads<1>(r0, r2);
        const V low13 = zip_quads<0>(r1, r3), high13 = zip_quads<1>(r1, r3);
        windowed[i] = zip_quads<0>(low02, low13) * window[i];
        windowed[i + 1] = zip_quads<1>(low02, low13) * window[i + 1];
        windowed[i + 2] = zip_quads<0>(high02, high13) * window[i + 2];
        windowed[i + 3] = zip_quads<1>(high02, high13) * window[i + 3];
    }
}

/// log10 of positive normal numbers: x = 2^e (1 + t) with t in [sqrt(1/2) - 1, sqrt(2) - 1), and
/// a minimax polynomial for log10(1 + t) whose own error is 1.6e-8; the result is
/// within 1e-6 (one rounding step at 10) for x in [1e-10, 1e38].
template <class V>
EMONET_INLINE V log10_of(V x) {
    using Ints = typename Vector<lanes_of<V>>::ints;
    constexpr int root_half = 0x3f3504f3;  // the bits of sqrt(1/2)
    const Ints offset = (Ints)x - root_half;
    const V exponent = __builtin_convertvector(offset >> 23, V);
    const V t = (V)((offset & 0x7fffff) + root_half) - 1.0F;
    constexpr float coefficients[] = {0.434294403F,  -0.21715014F,   0.144777194F,  -0.108397052F,
                                      0.0863075405F, -0.0752782896F, 0.0713111386F, -0.0438734666F};
    constexpr int degree = sizeof(coefficients) / sizeof(float) - 1;
    V polynomial = V{} + coefficients[degree];
#pragma GCC unroll 16
    for (int i = degree - 1; i >= 0; --i)
        polynomial = multiply_add(polynomial, t, V{} + coefficients[i]);
    return multiply_add(exponent, 0.30103F, polynomial * t);
}

template <class V>
EMONET_INLINE V band_energy(const MelBand& band, const float* weights, const V* power) {
    const float* weight = weights + band.first_weight;
    const V* bin = power + band.first_bin;
    V energy = bin[0] * weight[0];
    for (int i = 1; i < band.n_bins; ++i) energy = multiply_add(bin[i], weight[i], energy);
    return energy;
}

/// Of the first n lanes: those behind the last frame hold a frame that the definition drops.
template <class V>
EMONET_INLINE float greatest_lane(V values, int n) {
    float greatest = values[0];
    for (int i = 1; i < n; ++i) greatest = values[i] > greatest ? values[i] : greatest;
    return greatest;
}

template <int n>
float log_mel_frames(const float* samples, const LogMelTables& tables, int n_frames,
                     float* log_mels, std::ptrdiff_t stride) {
    using V = Floats<n>;
    V work[log_mel_n_fft];
    V power[log_mel_n_bins];
    load_windowed(samples, tables.window, work);
    power_spectrum(work, tables, power);
    V greatest = V{} + log_mel_silence;
    const auto n_bytes = static_cast<std::size_t>(n_frames) * sizeof(float);
    for (int mel = 0; mel < log_mel_n_mels; ++mel) {
        const V energy = band_energy(tables.bands[mel], tables.weights, power);
        // The second bound makes silence the same number on every ISA.
        const V log_mel =
            greater_of(log10_of(greater_of(energy, V{} + 1e-10F)), V{} + log_mel_silence);
        greatest = greater_of(greatest, log_mel);
        if (n_frames == n)
            __builtin_memcpy(log_mels + mel * stride, &log_mel, sizeof(V));
        else
            __builtin_memcpy(log_mels + mel * stride, &log_mel, n_bytes);
    }
    return greatest_lane(greatest, n_frames);
}

template <int n>
void scale_log_mels(float* log_mels, int n_values, float floor) {
    using V = Floats<n>;
    int i = 0;
    for (; i + n <= n_values; i += n) {
        V values;
        __builtin_memcpy(&values, log_mels + i, sizeof(V));
        values = (greater_of(values, V{} + floor) + 4.0F) * 0.25F;
        __builtin_memcpy(log_mels + i, &values, sizeof(V));
    }
    for (; i < n_values; ++i)
        log_mels[i] = ((log_mels[i] > floor ? log_mels[i] : floor) + 4.0F) * 0.25F;
}

template <int n>
constexpr AudioKernels audio_kernels() {
    return {n, &log_mel_frames<n>, &scale_log_mels<n>};
}

#undef EMONET_INLINE

}  // namespace
}  // namespace log_mel
