#include "bindings/bindings.hpp"

namespace emonet::bindings {

void register_audio(pybind11::module_&) {}

}  // namespace emonet::bindings
