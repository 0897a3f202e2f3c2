#include "bindings/bindings.hpp"

namespace emonet::bindings {

void register_image(pybind11::module_&) {}

}  // namespace emonet::bindings
