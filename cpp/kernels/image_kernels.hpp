#pragma once

namespace emonet {

struct ImageKernels {};

}  // namespace emonet
