#include <immintrin.h>

#include "kernels/kernels.hpp"

namespace emonet::avx2 {

#include "kernels/bodies/log_mel.hpp"

const Kernels table{log_mel::kernels<8>(), {}, {}};

}  // namespace emonet::avx2
