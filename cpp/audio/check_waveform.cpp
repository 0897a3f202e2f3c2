#include "audio/check_waveform.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "error.hpp"

namespace emonet {
namespace {

bool is_good(float sample) { return std::fabs(sample) <= max_sample_magnitude; }  // false for NaN

// Without a branch inside, so that it is vectorised.
bool all_good(const float* samples, std::size_t n) {
    int n_bad = 0;
    for (std::size_t i = 0; i < n; ++i) n_bad += is_good(samples[i]) ? 0 : 1;
    return n_bad == 0;
}

[[noreturn]] void refuse(float sample, std::size_t index) {
    const std::string place = " at sample " + std::to_string(index);
    if (!std::isfinite(sample)) {
        const char* name = std::isnan(sample) ? "nan" : sample > 0 ? "inf" : "-inf";
        throw Error("AudioError", std::string("every sample of a waveform must be finite; got ") +
                                      name + place + "; remove or replace such samples first");
    }
    char value[32];
    std::snprintf(value, sizeof value, "%g", static_cast<double>(sample));
    throw Error("AudioError", "every sample of a waveform must be within +-1e15; got " +
                                  std::string(value) + place +
                                  "; scale the waveform so that full scale is 1.0");
}

}  // namespace

void check_waveform(const float* waveform, std::size_t n_samples) {
    if (n_samples == 0)
        throw Error("AudioError",
                    "a waveform must hold at least one sample; got none; skip empty recordings");
    constexpr std::size_t block = 4096;
    for (std::size_t start = 0; start < n_samples; start += block) {
        const std::size_t n = std::min(block, n_samples - start);
        if (all_good(waveform + start, n)) continue;
        const float* bad = std::find_if_not(waveform + start, waveform + start + n, is_good);
        refuse(*bad, static_cast<std::size_t>(bad - waveform));
    }
}

}  // namespace emonet
