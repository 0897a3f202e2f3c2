#pragma once

#include <cstddef>

namespace emonet {

/// Samples beyond this cannot be squared and summed in float32.
inline constexpr float max_sample_magnitude = 1e15F;

/// Throws AudioError unless there is a sample and every one is finite and not beyond
/// max_sample_magnitude; the message names the first that is not.
void check_waveform(const float* waveform, std::size_t n_samples);

}  // namespace emonet
