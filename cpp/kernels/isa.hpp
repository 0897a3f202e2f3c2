#pragma once

#include <string>
#include <vector>

namespace emonet {

/// The instruction sets that have kernels of their own, weakest first.
enum class Isa { portable, avx2, avx_vnni, avx512_vnni };

const char* isa_name(Isa isa);

/// ISAs that this build has and this CPU (and its operating system) can run, weakest first.
std::vector<Isa> available_isas();

/// The ISA in use: $EMONET_ISA if set (throws IsaError for an unknown or impossible one),
/// else the strongest available one. Decided once per process.
Isa active_isa();

/// Parses a name; throws IsaError naming the choices.
Isa isa_from_name(const std::string& name);

}  // namespace emonet
