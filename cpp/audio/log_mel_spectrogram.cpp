#include "audio/log_mel_spectrogram.hpp"

#include <algorithm>

#include "audio/check_waveform.hpp"
#include "audio/flush_denormals.hpp"
#include "audio/log_mel_tables.hpp"

namespace emonet {
namespace {

constexpr int half_window = log_mel_n_fft / 2;
constexpr int max_lanes = 16;
constexpr int max_group_samples = (max_lanes - 1) * log_mel_hop + log_mel_n_fft;

/// A waveform of at most 30 s, followed by zeros up to 30 s and mirrored beyond both ends.
struct PaddedWaveform {
    const float* samples;
    int n_samples;

    float operator[](int position) const {
        constexpr int last = log_mel_n_samples - 1;
        if (position < 0) position = -position;
        if (position > last) position = 2 * last - position;
        return position < n_samples ? samples[position] : 0.0F;
    }

    bool holds(int first, int n) const { return first >= 0 && first + n <= n_samples; }
};

/// Frames from this one on see only zeros.
int first_silent_frame(int n_samples) {
    return std::min(log_mel_n_frames, (n_samples + half_window + log_mel_hop - 1) / log_mel_hop);
}

/// log10 of the mel energies of frames 0..n_frames-1; returns the greatest.
float compute_frames(const PaddedWaveform& waveform, int n_frames, float* spectrogram,
                     const AudioKernels& kernels) {
    const LogMelTables& tables = log_mel_tables();
    const int n_group_samples = (kernels.lanes - 1) * log_mel_hop + log_mel_n_fft;
    float copy[max_group_samples];
    float greatest = log_mel_silence;
    for (int frame = 0; frame < n_frames; frame += kernels.lanes) {
        const int first = frame * log_mel_hop - half_window;
        const float* samples = copy;
        if (waveform.holds(first, n_group_samples))
            samples = waveform.samples + first;
        else
            for (int i = 0; i < n_group_samples; ++i) copy[i] = waveform[first + i];
        const int n_wanted = std::min(kernels.lanes, n_frames - frame);
        greatest =
            std::max(greatest, kernels.log_mel_frames(samples, tables, n_wanted,
                                                      spectrogram + frame, log_mel_n_frames));
    }
    return greatest;
}

}  // namespace

void log_mel_spectrogram(const float* waveform, std::size_t n_samples, float* spectrogram,
                         const AudioKernels& kernels) {
    check_waveform(waveform, n_samples);
    const FlushDenormals while_computing;
    const auto n_used = static_cast<int>(std::min<std::size_t>(n_samples, log_mel_n_samples));
    const int n_frames = first_silent_frame(n_used);
    const float greatest = compute_frames({waveform, n_used}, n_frames, spectrogram, kernels);
    const float floor = greatest - 8.0F;
    const float silence = (std::max(log_mel_silence, floor) + 4.0F) / 4.0F;
    for (int mel = 0; mel < log_mel_n_mels; ++mel) {
        float* row = spectrogram + static_cast<std::size_t>(mel) * log_mel_n_frames;
        kernels.scale_log_mels(row, n_frames, floor);
        std::fill(row + n_frames, row + log_mel_n_frames, silence);
    }
}

}  // namespace emonet
