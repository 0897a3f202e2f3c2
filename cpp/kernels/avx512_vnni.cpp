#include "kernels/kernels.hpp"

namespace emonet::avx512_vnni {

const Kernels table{{}, {}, {}};

}  // namespace emonet::avx512_vnni
