// AVX-512 with VNNI: Ice Lake and later servers, Tiger Lake, Zen 4.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"

#define EMONET_DOT_I16_256(sum, a, b) _mm256_dpwssd_epi32(sum, a, b)

namespace emonet::avx512_vnni {

// clang-format off: the order matters
#include "kernels/bodies/log_mel.hpp"
#include "kernels/bodies/image_avx2.hpp"
#include "kernels/bodies/heads_lanes_256.hpp"
#include "kernels/bodies/heads_lanes_512.hpp"
#include "kernels/bodies/heads_rows_512.hpp"
#include "kernels/bodies/heads_project.hpp"
#include "kernels/bodies/heads_inputs_256.hpp"
// clang-format on

const Kernels table{log_mel::audio_kernels<16>(), image_kernels(), heads_kernels()};

}  // namespace emonet::avx512_vnni
