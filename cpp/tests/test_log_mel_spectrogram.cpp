#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "audio/log_mel_spectrogram.hpp"
#include "audio/log_mel_tables.hpp"
#include "check.hpp"
#include "error.hpp"
#include "kernels/kernels.hpp"

// Sixteen lanes in plain code: what only AVX-512 machines use can be checked on all others.
namespace emonet::sixteen_lanes {
#include "kernels/bodies/log_mel.hpp"
}

using namespace emonet;

namespace {

constexpr std::size_t n_values =
    static_cast<std::size_t>(log_mel_n_mels) * static_cast<std::size_t>(log_mel_n_frames);

std::vector<float> chirp(std::size_t n_samples) {
    std::vector<float> waveform(n_samples);
    for (std::size_t i = 0; i < n_samples; ++i) {
        const double s = static_cast<double>(i) / log_mel_sample_rate;
        waveform[i] = static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * (80 + 120 * s) * s));
    }
    return waveform;
}

std::vector<float> spectrogram_of(const std::vector<float>& waveform, const AudioKernels& kernels) {
    std::vector<float> spectrogram(n_values, std::numeric_limits<float>::quiet_NaN());
    log_mel_spectrogram(waveform.data(), waveform.size(), spectrogram.data(), kernels);
    return spectrogram;
}

/// NaN, a value that was never written, counts as infinitely far.
float greatest_difference(const std::vector<float>& a, const std::vector<float>& b) {
    float greatest = 0.0F;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const float difference = std::fabs(a[i] - b[i]);
        if (!(difference <= greatest)) greatest = difference;
        if (std::isnan(greatest)) return std::numeric_limits<float>::infinity();
    }
    return greatest;
}

/// Power of one bin of one frame, straight from the definition.
double mel_energy(const std::vector<float>& waveform, int frame, int mel) {
    const LogMelTables& tables = log_mel_tables();
    const MelBand& band = tables.bands[mel];
    double energy = 0.0;
    for (int i = 0; i < band.n_bins; ++i) {
        double re = 0.0, im = 0.0;
        for (int n = 0; n < log_mel_n_fft; ++n) {
            const int position = frame * log_mel_hop - log_mel_n_fft / 2 + n;
            const double x = waveform[static_cast<std::size_t>(position)] * tables.window[n];
            const double angle = 2 * std::numbers::pi * (band.first_bin + i) * n / log_mel_n_fft;
            re += x * std::cos(angle);
            im += x * std::sin(angle);
        }
        energy += (re * re + im * im) * tables.weights[band.first_weight + i];
    }
    return energy;
}

void every_isa_agrees_with_portable() {
    for (std::size_t n :
         {1, 160, 199, 200, 201, 399, 400, 401, 2799, 2801, 16000, 479999, 480001}) {
        const auto waveform = chirp(n);
        const auto expected = spectrogram_of(waveform, kernels_for(Isa::portable).audio);
        for (Isa isa : available_isas())
            CHECK(greatest_difference(spectrogram_of(waveform, kernels_for(isa).audio), expected) <=
                  1e-4F);
        constexpr AudioKernels sixteen = sixteen_lanes::log_mel::audio_kernels<16>();
        CHECK(greatest_difference(spectrogram_of(waveform, sixteen), expected) <= 1e-4F);
    }
}

void a_frame_follows_the_definition() {
    const auto waveform = chirp(log_mel_n_samples);
    const int frame = 1500;
    std::vector<float> log_mels(static_cast<std::size_t>(log_mel_n_mels));
    const auto& portable = kernels_for(Isa::portable).audio;
    const float* samples = waveform.data() + frame * log_mel_hop - log_mel_n_fft / 2;
    portable.log_mel_frames(samples, log_mel_tables(), 1, log_mels.data(), 1);
    for (int mel = 0; mel < log_mel_n_mels; ++mel) {
        const double energy = std::max(1e-10, mel_energy(waveform, frame, mel));
        if (energy > 1e-6)  // below, float32 noise of the loud bins shows
            CHECK(std::fabs(log_mels[static_cast<std::size_t>(mel)] - std::log10(energy)) < 1e-4);
    }
}

void bad_samples_are_refused() {
    const auto& portable = kernels_for(Isa::portable).audio;
    CHECK_THROWS(spectrogram_of({}, portable), "AudioError");
    auto waveform = chirp(5000);
    waveform[4999] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS(spectrogram_of(waveform, portable), "AudioError");
}

}  // namespace

int main() {
    every_isa_agrees_with_portable();
    a_frame_follows_the_definition();
    bad_samples_are_refused();
    return test::report("log_mel_spectrogram");
}
