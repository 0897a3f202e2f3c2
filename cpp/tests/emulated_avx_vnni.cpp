// kernels/avx_vnni.cpp with its intrinsics from SIMDe, under another namespace.
#include "simde_intrinsics.hpp"

#define avx_vnni emulated_avx_vnni
#include "kernels/avx_vnni.cpp"
