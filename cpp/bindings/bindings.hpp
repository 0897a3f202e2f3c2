#pragma once

#include <pybind11/pybind11.h>

namespace emonet::bindings {

// C-contiguous or nothing: a hidden copy of a picture would cost more than preparing it. The
// Python layer converts and says so.
void register_audio(pybind11::module_& m);
void register_heads(pybind11::module_& m);
void register_image(pybind11::module_& m);
void register_runtime(pybind11::module_& m);

}  // namespace emonet::bindings
