#include "kernels/kernels.hpp"

namespace emonet::portable {

const Kernels table{{}, {}, {}};

}  // namespace emonet::portable
