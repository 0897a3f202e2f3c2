#include <pybind11/numpy.h>

#include <string>

#include "audio/check_waveform.hpp"
#include "audio/log_mel_spectrogram.hpp"
#include "bindings/bindings.hpp"
#include "kernels/kernels.hpp"

namespace py = pybind11;

namespace emonet::bindings {
namespace {

using Array = py::array_t<float, py::array::c_style>;

Array log_mel_spectrogram_array(const Array& waveform, const std::string& isa) {
    const AudioKernels& kernels = kernels_named(isa).audio;
    Array spectrogram({log_mel_n_mels, log_mel_n_frames});
    const float* samples = waveform.data();
    const auto n_samples = static_cast<std::size_t>(waveform.size());
    float* out = spectrogram.mutable_data();
    const py::gil_scoped_release release;
    log_mel_spectrogram(samples, n_samples, out, kernels);
    return spectrogram;
}

void check_waveform_array(const Array& waveform) {
    const float* samples = waveform.data();
    const auto n_samples = static_cast<std::size_t>(waveform.size());
    const py::gil_scoped_release release;
    check_waveform(samples, n_samples);
}

}  // namespace

void register_audio(py::module_& m) {
    m.def("log_mel_spectrogram", &log_mel_spectrogram_array, py::arg("waveform").noconvert(),
          py::arg("isa") = "");
    m.def("check_waveform", &check_waveform_array, py::arg("waveform").noconvert());
}

}  // namespace emonet::bindings
