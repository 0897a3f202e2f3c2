#pragma once

#include <string>

#include "kernels/audio_kernels.hpp"
#include "kernels/heads_kernels.hpp"
#include "kernels/image_kernels.hpp"
#include "kernels/isa.hpp"

namespace emonet {

/// Everything that differs between instruction sets. Kernels get pointers and sizes and cannot
/// fail; whoever calls them has checked everything.
struct Kernels {
    AudioKernels audio;
    ImageKernels image;
    HeadsKernels heads;
};

/// The kernels of the active ISA.
const Kernels& kernels();

/// The kernels of one ISA; throws IsaError where this CPU or this build does not have it.
const Kernels& kernels_for(Isa isa);

/// The kernels of the ISA of that name, of the active one where it is empty; throws IsaError.
const Kernels& kernels_named(const std::string& isa);

namespace portable {
extern const Kernels table;
}
#ifdef EMONET_X86
namespace avx2 {
extern const Kernels table;
}
namespace avx_vnni {
extern const Kernels table;
}
namespace avx512_vnni {
extern const Kernels table;
}
#endif

}  // namespace emonet
