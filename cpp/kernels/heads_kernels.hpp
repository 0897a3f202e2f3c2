#pragma once

namespace emonet {

struct HeadsKernels {};

}  // namespace emonet
