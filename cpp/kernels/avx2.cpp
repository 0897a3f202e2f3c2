#include "kernels/kernels.hpp"

namespace emonet::avx2 {

const Kernels table{{}, {}, {}};

}  // namespace emonet::avx2
