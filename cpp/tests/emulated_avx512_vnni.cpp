// kernels/avx512_vnni.cpp with its intrinsics from SIMDe, under another namespace.
#include "simde_intrinsics.hpp"

#define avx512_vnni emulated_avx512_vnni
#include "kernels/avx512_vnni.cpp"
