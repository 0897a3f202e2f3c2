#include "kernels/isa.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "error.hpp"

namespace emonet {
namespace {

constexpr std::array all_isas{Isa::portable, Isa::avx2, Isa::avx_vnni, Isa::avx512_vnni};

std::string names_of(const std::vector<Isa>& isas) {
    std::string names;
    for (Isa isa : isas) names += (names.empty() ? "" : ", ") + std::string(isa_name(isa));
    return names;
}

#ifdef EMONET_X86
// __builtin_cpu_supports also asks XGETBV whether the operating system saves the registers.
// It knows "avxvnni" only from GCC 13 on, so that bit is read directly: CPUID.(7,1).EAX[4].
bool has_avx_vnni() {
    unsigned eax = 7, ebx = 0, ecx = 1, edx = 0;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return (eax >> 4) & 1;
}

unsigned max_cpuid_leaf() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return eax;
}

bool cpu_runs(Isa isa) {
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("sse4.2");  // every CPU with AVX2 has F16C
    switch (isa) {
        case Isa::portable:
            return true;
        case Isa::avx2:
            return avx2;
        case Isa::avx_vnni:
            return avx2 && max_cpuid_leaf() >= 7 && has_avx_vnni();
        case Isa::avx512_vnni:
            return avx2 && __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
    }
    return false;
}
#else
bool cpu_runs(Isa isa) { return isa == Isa::portable; }
#endif

Isa choose_isa() {
    const std::vector<Isa> available = available_isas();
    const char* wish = std::getenv("EMONET_ISA");
    if (wish == nullptr || *wish == '\0') return available.back();
    const Isa isa = isa_from_name(wish);
    if (std::find(available.begin(), available.end(), isa) == available.end())
        throw Error("IsaError", "EMONET_ISA must name an instruction set that this CPU has; got '" +
                                    std::string(wish) + "'; use one of " + names_of(available) +
                                    ", or unset it");
    return isa;
}

}  // namespace

const char* isa_name(Isa isa) {
    switch (isa) {
        case Isa::portable:
            return "portable";
        case Isa::avx2:
            return "avx2";
        case Isa::avx_vnni:
            return "avx_vnni";
        case Isa::avx512_vnni:
            return "avx512_vnni";
    }
    return "unknown";
}

std::vector<Isa> available_isas() {
    std::vector<Isa> available;
    for (Isa isa : all_isas)
        if (cpu_runs(isa)) available.push_back(isa);
    return available;
}

Isa isa_from_name(const std::string& name) {
    for (Isa isa : all_isas)
        if (name == isa_name(isa)) return isa;
    throw Error("IsaError", "an instruction set must be one of " +
                                names_of({all_isas.begin(), all_isas.end()}) + "; got '" + name +
                                "'; correct EMONET_ISA or unset it");
}

Isa active_isa() {
    static const Isa isa = choose_isa();
    return isa;
}

}  // namespace emonet
