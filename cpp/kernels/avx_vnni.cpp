#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"

namespace emonet::avx_vnni {

#include "kernels/bodies/image_avx2.hpp"

const Kernels table{{}, image_kernels(), {}};

}  // namespace emonet::avx_vnni
