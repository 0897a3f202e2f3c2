// Any CPU, plain loops: the specification of the other kernels.
#include "kernels/kernels.hpp"

namespace emonet::portable {

#include "kernels/bodies/heads_portable.hpp"

const Kernels table{{}, {}, heads_kernels()};

}  // namespace emonet::portable
