#include "audio/log_mel_tables.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace emonet {
namespace {

constexpr double two_pi = 2.0 * std::numbers::pi;

void fill_window(LogMelTables& tables) {
    for (int i = 0; i < log_mel_n_fft; ++i)
        tables.window[i] = static_cast<float>(0.5 - 0.5 * std::cos(two_pi * i / log_mel_n_fft));
}

void fill_twiddles(LogMelTables& tables) {
    for (int k1 = 0; k1 < 9; ++k1)
        for (int n2 = 0; n2 < 25; ++n2) {
            const double angle = two_pi * k1 * n2 / log_mel_n_fft;
            tables.row_cos[k1][n2] = static_cast<float>(std::cos(angle));
            tables.row_sin[k1][n2] = static_cast<float>(std::sin(angle));
        }
    for (int b = 0; b < 5; ++b)
        for (int c = 0; c < 5; ++c) {
            tables.column_cos[b][c] = static_cast<float>(std::cos(two_pi * b * c / 25));
            tables.column_sin[b][c] = static_cast<float>(std::sin(two_pi * b * c / 25));
        }
}

// Slaney's scale (Auditory Toolbox, 1998): linear below 1000 Hz (15 mel), then 27 mel for every
// factor of 6.4.
double mel_from_hz(double hz) {
    return hz < 1000.0 ? 3.0 * hz / 200.0 : 15.0 + 27.0 * std::log(hz / 1000.0) / std::log(6.4);
}

double hz_from_mel(double mel) {
    return mel < 15.0 ? 200.0 * mel / 3.0 : 1000.0 * std::pow(6.4, (mel - 15.0) / 27.0);
}

/// Edge i of the 82 that 80 triangles share, in Hz, equally spaced in mel from 0 to 8000 Hz.
double band_edge(int i) {
    return hz_from_mel(mel_from_hz(log_mel_sample_rate / 2.0) * i / (log_mel_n_mels + 1));
}

/// Slaney's normalisation: every triangle has the area 1 when frequency is in Hz.
double band_weight(int band, int bin) {
    const double low = band_edge(band), centre = band_edge(band + 1), high = band_edge(band + 2);
    const double hz = static_cast<double>(bin) * log_mel_sample_rate / log_mel_n_fft;
    const double height = std::min((hz - low) / (centre - low), (high - hz) / (high - centre));
    return std::max(0.0, height) * 2.0 / (high - low);
}

void fill_bands(LogMelTables& tables) {
    int n_weights = 0;
    for (int m = 0; m < log_mel_n_mels; ++m) {
        MelBand& band = tables.bands[m];
        band = {0, 0, n_weights};
        for (int bin = 0; bin < log_mel_n_bins; ++bin) {
            const double weight = band_weight(m, bin);
            if (weight <= 0.0) continue;
            if (band.n_bins++ == 0) band.first_bin = bin;
            tables.weights[n_weights++] = static_cast<float>(weight);
        }
    }
}

LogMelTables make_tables() {
    LogMelTables tables{};
    fill_window(tables);
    fill_twiddles(tables);
    fill_bands(tables);
    return tables;
}

}  // namespace

const LogMelTables& log_mel_tables() {
    static const LogMelTables tables = make_tables();
    return tables;
}

}  // namespace emonet
