#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/bindings.hpp"
#include "error.hpp"
#include "kernels/isa.hpp"

namespace py = pybind11;

namespace emonet::bindings {
namespace {

void raise_as_python(const Error& error) {
    const py::object type = py::module_::import("emonet_edge.exceptions").attr(error.kind);
    PyErr_SetString(type.ptr(), error.what());
}

std::vector<std::string> available_isa_names() {
    std::vector<std::string> names;
    for (Isa isa : available_isas()) names.emplace_back(isa_name(isa));
    return names;
}

}  // namespace

void register_runtime(py::module_& m) {
    py::register_exception_translator([](std::exception_ptr pointer) {
        try {
            if (pointer) std::rethrow_exception(pointer);
        } catch (const Error& error) {
            raise_as_python(error);
        }
    });
    m.def("active_isa", [] { return std::string(isa_name(active_isa())); });
    m.def("available_isas", &available_isa_names);
}

}  // namespace emonet::bindings
