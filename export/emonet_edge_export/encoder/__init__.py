"""The published encoder to OpenVINO: converted, quantized, run."""
