#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "bindings/bindings.hpp"
#include "error.hpp"
#include "image/preprocess_image.hpp"
#include "kernels/kernels.hpp"

namespace py = pybind11;

namespace emonet::bindings {
namespace {

/// A plane of bytes [rows, columns] whose columns lie side by side; its rows may be anywhere.
void check_plane(const py::array& plane) {
    // The strides of an empty array mean nothing; check_sides refuses it with a better reason.
    if (!py::isinstance<py::array_t<std::uint8_t>>(plane) || plane.ndim() != 2 ||
        (plane.size() > 0 && plane.shape(1) > 1 && plane.strides(1) != 1))
        throw Error("ImageError",
                    "a plane must be uint8 [rows, bytes] with the bytes of a row side by side; got "
                    "another array; use emonet_edge.preprocess_image, which converts");
}

void check_plane_holds(const py::array& plane, std::int64_t rows, std::int64_t bytes) {
    check_plane(plane);
    if (plane.shape(0) < rows || plane.shape(1) < bytes)
        throw Error("ImageError", "a plane must hold " + std::to_string(rows) + " rows of " +
                                      std::to_string(bytes) + " bytes for this picture; got " +
                                      std::to_string(plane.shape(0)) + " rows of " +
                                      std::to_string(plane.shape(1)) +
                                      "; check width= and the stride");
}

/// Borrows the planes: `data` [height, bytes per row] and, for nv12, `chroma` [height / 2, bytes].
Picture picture_of(const py::array& data, const std::optional<py::array>& chroma,
                   std::int64_t width, const std::string& color, const std::string& matrix,
                   const std::string& range) {
    Picture picture;
    picture.format = pixel_format_from_name(color);
    picture.matrix = yuv_matrix_from_name(matrix);
    picture.range = yuv_range_from_name(range);
    check_plane(data);
    picture.width = width;
    picture.height = data.shape(0);
    check_sides(picture);
    const bool nv12 = picture.format == PixelFormat::nv12;
    const int bytes_per_pixel = nv12 ? 1 : picture.format == PixelFormat::yuyv ? 2 : 3;
    check_plane_holds(data, picture.height, width * bytes_per_pixel);
    picture.data = static_cast<const std::uint8_t*>(data.data());
    picture.stride = data.strides(0);
    if (!nv12) return picture;
    if (!chroma)
        throw Error("ImageError", "nv12 has two planes; got one; pass the UV plane as chroma");
    check_plane_holds(*chroma, picture.height / 2, width);
    picture.chroma = static_cast<const std::uint8_t*>(chroma->data());
    picture.chroma_stride = chroma->strides(0);
    return picture;
}

py::array_t<std::uint8_t> resize(const py::array& data, const std::optional<py::array>& chroma,
                                 std::int64_t width, const std::string& color,
                                 const std::string& matrix, const std::string& range,
                                 const std::optional<Box>& box,
                                 const std::array<std::int64_t, 2>& size, const std::string& isa) {
    const Picture picture = picture_of(data, chroma, width, color, matrix, range);
    const ImageKernels& kernels = kernels_named(isa).image;
    const Size sides = checked_size(size[0], size[1]);
    pixel_box(picture, box);
    py::array_t<std::uint8_t> out({sides.height, sides.width, 3});
    std::uint8_t* const target = out.mutable_data();
    py::gil_scoped_release release;
    resize_image(picture, box, sides, kernels, target);
    return out;
}

py::array_t<float> preprocess(const py::array& data, const std::optional<py::array>& chroma,
                              std::int64_t width, const std::string& color,
                              const std::string& matrix, const std::string& range,
                              const std::optional<Box>& box,
                              const std::array<std::int64_t, 2>& size,
                              const std::array<double, 3>& mean, const std::array<double, 3>& std,
                              const std::string& isa) {
    const Picture picture = picture_of(data, chroma, width, color, matrix, range);
    const ImageKernels& kernels = kernels_named(isa).image;
    const Normalisation normalisation{mean, std};
    const Size sides = checked_size(size[0], size[1]);
    check_normalisation(normalisation);
    pixel_box(picture, box);
    py::array_t<float> out({3, sides.height, sides.width});
    float* const target = out.mutable_data();
    py::gil_scoped_release release;
    preprocess_image(picture, box, sides, normalisation, kernels, target);
    return out;
}

}  // namespace

void register_image(py::module_& m) {
    m.def("resize_image", &resize, py::arg("data"), py::arg("chroma"), py::arg("width"),
          py::kw_only(), py::arg("color"), py::arg("matrix"), py::arg("range"), py::arg("box"),
          py::arg("size"), py::arg("isa") = "");
    m.def("preprocess_image", &preprocess, py::arg("data"), py::arg("chroma"), py::arg("width"),
          py::kw_only(), py::arg("color"), py::arg("matrix"), py::arg("range"), py::arg("box"),
          py::arg("size"), py::arg("mean"), py::arg("std"), py::arg("isa") = "");
}

}  // namespace emonet::bindings
