#include "bindings/bindings.hpp"

namespace emonet::bindings {

void register_heads(pybind11::module_&) {}

}  // namespace emonet::bindings
