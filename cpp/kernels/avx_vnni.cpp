#include "kernels/kernels.hpp"

namespace emonet::avx_vnni {

const Kernels table{{}, {}, {}};

}  // namespace emonet::avx_vnni
