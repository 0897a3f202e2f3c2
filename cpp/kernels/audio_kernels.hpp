#pragma once

namespace emonet {

struct AudioKernels {};

}  // namespace emonet
