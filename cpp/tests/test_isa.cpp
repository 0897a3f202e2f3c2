#include <string>

#include "check.hpp"
#include "error.hpp"
#include "kernels/isa.hpp"
#include "kernels/kernels.hpp"

using namespace emonet;

int main() {
    const auto available = available_isas();
    CHECK(!available.empty());
    CHECK(available.front() == Isa::portable);
    for (Isa isa : available) {
        CHECK(isa_from_name(isa_name(isa)) == isa);
        CHECK(&kernels_named(isa_name(isa)) == &kernels_for(isa));
    }
    CHECK(&kernels_named("") == &kernels());
    CHECK_THROWS(isa_from_name("sse9"), "IsaError");
    CHECK_THROWS(kernels_named("sse9"), "IsaError");
    return test::report("isa");
}
