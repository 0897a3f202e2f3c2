#pragma once

#include <cstring>
#include <utility>
#include <vector>

#include "kernels/kernels.hpp"

#ifdef EMONET_HAVE_SIMDE
namespace emonet::emulated_avx_vnni {
extern const Kernels table;
}
namespace emonet::emulated_avx512_vnni {
extern const Kernels table;
}
#endif

namespace emonet::test {

/// Kernels whose intrinsics SIMDe expresses in AVX2; empty where SIMDe was not found at build
/// time or this CPU has no AVX2.
inline std::vector<std::pair<const char*, const Kernels*>> emulated_isas() {
#ifdef EMONET_HAVE_SIMDE
    if (available_isas().size() > 1)
        return {{"avx_vnni (emulated)", &emulated_avx_vnni::table},
                {"avx512_vnni (emulated)", &emulated_avx512_vnni::table}};
#endif
    return {};
}

}  // namespace emonet::test
