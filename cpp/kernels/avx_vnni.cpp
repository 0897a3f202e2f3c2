// AVX-VNNI (VEX, 256 bits): Alder Lake-N, Core Ultra. AVX2 otherwise.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"

#define EMONET_DOT_I16_256(sum, a, b) _mm256_dpwssd_avx_epi32(sum, a, b)

namespace emonet::avx_vnni {

// clang-format off: the order matters
#include "kernels/bodies/log_mel.hpp"
#include "kernels/bodies/image_avx2.hpp"
#include "kernels/bodies/heads_lanes_256.hpp"
#include "kernels/bodies/heads_rows_256.hpp"
#include "kernels/bodies/heads_project.hpp"
#include "kernels/bodies/heads_inputs_256.hpp"
// clang-format on

const Kernels table{log_mel::audio_kernels<8>(), image_kernels(), heads_kernels()};

}  // namespace emonet::avx_vnni
