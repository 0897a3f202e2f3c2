// The only place that knows all kernel tables.
#include <algorithm>
#include <string>

#include "error.hpp"
#include "kernels/kernels.hpp"

namespace emonet {
namespace {

const Kernels& table_of(Isa isa) {
    switch (isa) {
#ifdef EMONET_X86
        case Isa::avx2:
            return avx2::table;
        case Isa::avx_vnni:
            return avx_vnni::table;
        case Isa::avx512_vnni:
            return avx512_vnni::table;
#endif
        default:
            return portable::table;
    }
}

}  // namespace

const Kernels& kernels_for(Isa isa) {
    const auto available = available_isas();
    if (std::find(available.begin(), available.end(), isa) == available.end())
        throw Error("IsaError",
                    std::string("an instruction set must be one that this CPU has; got '") +
                        isa_name(isa) + "'; see emonet-edge info");
    return table_of(isa);
}

const Kernels& kernels() {
    static const Kernels& active = table_of(active_isa());
    return active;
}

const Kernels& kernels_named(const std::string& isa) {
    return isa.empty() ? kernels() : kernels_for(isa_from_name(isa));
}

}  // namespace emonet
