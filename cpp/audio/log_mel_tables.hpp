#pragma once

#include "kernels/audio_kernels.hpp"

namespace emonet {

/// Window, twiddles and the sparse mel filter bank; computed in double at the first call.
const LogMelTables& log_mel_tables();

}  // namespace emonet
