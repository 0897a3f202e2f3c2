#include <immintrin.h>

#include "kernels/kernels.hpp"

namespace emonet::avx512_vnni {

#include "kernels/bodies/log_mel.hpp"

const Kernels table{log_mel::kernels<16>(), {}, {}};

}  // namespace emonet::avx512_vnni
