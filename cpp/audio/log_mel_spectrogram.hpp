#pragma once

#include <cstddef>

#include "kernels/audio_kernels.hpp"

namespace emonet {

/// Whisper's log-mel spectrogram of the first 30 s of a waveform: [n_samples] at 16 kHz, mono, ->
/// [log_mel_n_mels, log_mel_n_frames], row-major. Shorter ones are followed by silence.
/// Throws AudioError for an empty waveform and for samples that are not finite.
void log_mel_spectrogram(const float* waveform, std::size_t n_samples, float* spectrogram,
                         const AudioKernels& kernels);

}  // namespace emonet
