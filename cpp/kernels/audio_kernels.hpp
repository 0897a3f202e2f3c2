#pragma once

#include <cstddef>

namespace emonet {

// Whisper's preparation. Frame t is the n_fft samples around sample t * hop.
inline constexpr int log_mel_sample_rate = 16000;  // Hz
inline constexpr int log_mel_n_samples = 480000;   // 30 s
inline constexpr int log_mel_n_fft = 400;
inline constexpr int log_mel_hop = 160;
inline constexpr int log_mel_n_bins = log_mel_n_fft / 2 + 1;
inline constexpr int log_mel_n_mels = 80;
inline constexpr int log_mel_n_frames = log_mel_n_samples / log_mel_hop;
inline constexpr int log_mel_max_weights = 512;   // 80 Slaney bands have 391 that are not zero
inline constexpr float log_mel_silence = -10.0F;  // log10 of the floor of 1e-10

/// A mel band is a contiguous range of bins.
struct MelBand {
    int first_bin;
    int n_bins;
    int first_weight;  // into LogMelTables::weights
};

/// Everything that is computed once, in double, and used by every ISA.
struct LogMelTables {
    alignas(64) float window[log_mel_n_fft];  // periodic Hann
    alignas(64) float row_cos[9][25];         // cos(2 pi k1 n2 / 400) at [k1][n2]
    alignas(64) float row_sin[9][25];
    alignas(64) float column_cos[5][5];  // cos(2 pi b c / 25) at [b][c]
    alignas(64) float column_sin[5][5];
    MelBand bands[log_mel_n_mels];
    alignas(64) float weights[log_mel_max_weights];
};

struct AudioKernels {
    /// How many frames are computed side by side.
    int lanes;

    /// log10 of the mel energies of `lanes` frames. `samples` holds (lanes - 1) * hop + n_fft
    /// values, the first frame's first sample first. Writes the first `n_frames` of them to
    /// log_mels[mel * stride + frame] and returns the greatest value of all lanes.
    float (*log_mel_frames)(const float* samples, const LogMelTables& tables, int n_frames,
                            float* log_mels, std::ptrdiff_t stride);

    /// In place on n values: (max(x, floor) + 4) / 4.
    void (*scale_log_mels)(float* log_mels, int n, float floor);
};

}  // namespace emonet
