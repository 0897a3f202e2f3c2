#include "kernels/kernels.hpp"

namespace emonet::portable {

#include "kernels/bodies/log_mel.hpp"

const Kernels table{log_mel::kernels<4>(), {}, {}};

}  // namespace emonet::portable
