#include "bindings/bindings.hpp"

PYBIND11_MODULE(_core, m) {
    m.doc() =
        "Native core of emonet_edge. Use the functions of the package, which check and explain.";
    emonet::bindings::register_runtime(m);
    emonet::bindings::register_audio(m);
    emonet::bindings::register_image(m);
    emonet::bindings::register_heads(m);
}
