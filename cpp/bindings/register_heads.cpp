#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bindings/bindings.hpp"
#include "error.hpp"
#include "heads/multi_head_mlp.hpp"
#include "heads/pack_layer.hpp"

namespace py = pybind11;

namespace emonet::bindings {
namespace {

using Floats = py::array_t<float, py::array::c_style>;

std::unique_ptr<MultiHeadMlp> open_heads(const std::string& path,
                                         const std::vector<std::string>& names, bool l2_normalize,
                                         bool copy, bool verify, unsigned threads) {
    const py::gil_scoped_release release;
    return std::make_unique<MultiHeadMlp>(
        path, names,
        MultiHeadMlpOptions{l2_normalize, copy ? Storage::copy : Storage::map, verify, threads});
}

/// embeddings [batch, positions x width]; multi_head_mlp.py has checked the shape.
Floats evaluate(const MultiHeadMlp& heads, const Floats& embeddings, unsigned threads) {
    const auto batch = static_cast<std::size_t>(embeddings.shape(0));
    if (static_cast<std::size_t>(embeddings.size()) != batch * heads.positions() * heads.width())
        throw Error("EmbeddingError", "embeddings must have the file's shape");
    Floats scores({batch, heads.names().size()});
    const float* from = embeddings.data();
    float* to = scores.mutable_data();
    const py::gil_scoped_release release;
    heads.evaluate(from, batch, to, threads);
    return scores;
}

/// weights [rows, positions, width], next_position and later_columns [width, width] or both None;
/// multi_head_mlp.py has checked the shapes.
py::bytes pack(const std::string& precision, const Floats& weights, const Floats& biases,
               const std::optional<Floats>& mean, const std::optional<Floats>& next_position,
               const std::optional<Floats>& later_columns, unsigned threads) {
    const LayerShape shape{
        precision_from_name(precision), static_cast<std::size_t>(weights.shape(0)),
        static_cast<std::size_t>(weights.shape(1)), static_cast<std::size_t>(weights.shape(2))};
    const float* mean_values = mean ? mean->data() : nullptr;
    std::optional<Compensation> compensation;
    if (next_position && later_columns)
        compensation = Compensation{next_position->data(), later_columns->data()};
    std::vector<std::uint8_t> layer;
    {
        const py::gil_scoped_release release;
        layer = pack_layer(shape, weights.data(), biases.data(), mean_values,
                           compensation ? &*compensation : nullptr, threads);
    }
    return {reinterpret_cast<const char*>(layer.data()), layer.size()};
}

std::vector<std::pair<std::string, std::size_t>> packed_head_sizes(const std::string& path) {
    std::vector<std::pair<std::string, std::size_t>> sizes;
    for (const PackedHead& head : read_packed_heads_index(InputFile(path)).heads)
        sizes.emplace_back(head.name, head.size);
    return sizes;
}

std::uint32_t crc32c(const py::buffer& data, std::uint32_t value) {
    const py::buffer_info info = data.request();
    const auto* bytes = static_cast<const std::uint8_t*>(info.ptr);
    const auto size = static_cast<std::size_t>(info.size * info.itemsize);
    const py::gil_scoped_release release;
    return kernels().heads.crc32c(value, bytes, size);
}

}  // namespace

void register_heads(py::module_& m) {
    py::class_<MultiHeadMlp>(m, "MultiHeadMLP")
        .def(py::init(&open_heads), py::arg("path"), py::arg("names"), py::arg("l2_normalize"),
             py::arg("copy"), py::arg("verify"), py::arg("threads"))
        .def("evaluate", &evaluate, py::arg("embeddings").noconvert(), py::arg("threads"))
        .def_property_readonly("names", &MultiHeadMlp::names)
        .def_property_readonly("rank", &MultiHeadMlp::rank)
        .def_property_readonly("positions", &MultiHeadMlp::positions)
        .def_property_readonly("width", &MultiHeadMlp::width)
        .def_property_readonly("nbytes", &MultiHeadMlp::bytes)
        .def_property_readonly("precision", [](const MultiHeadMlp& heads) {
            return std::string(precision_name(heads.precision()));
        });
    m.def("pack_layer", &pack, py::arg("precision"), py::arg("weights").noconvert(),
          py::arg("biases").noconvert(), py::arg("mean"), py::arg("next_position"),
          py::arg("later_columns"), py::arg("threads"));
    m.def("packed_head_sizes", &packed_head_sizes, py::arg("path"));
    m.def("crc32c", &crc32c, py::arg("data"), py::arg("value") = 0);
}

}  // namespace emonet::bindings
