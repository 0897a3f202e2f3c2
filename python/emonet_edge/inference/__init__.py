"""OpenVINO: the one import of it, devices, compiling, running."""
