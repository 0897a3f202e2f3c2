// Any CPU, plain loops: the specification of the other kernels.
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"

namespace emonet::portable {

// clang-format off: the order matters
#include "kernels/bodies/log_mel.hpp"
#include "kernels/bodies/image.hpp"
#include "kernels/bodies/heads_portable.hpp"
// clang-format on

const Kernels table{log_mel::audio_kernels<4>(), image_kernels(), heads_kernels()};

}  // namespace emonet::portable
