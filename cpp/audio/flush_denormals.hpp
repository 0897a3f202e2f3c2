#pragma once

#ifdef __SSE2__
#include <xmmintrin.h>
#endif

namespace emonet {

/// While it lives, this thread treats denormal floats as zero. The tail of a faded recording is
/// full of them, they cost a hundred cycles each, and they lie far below the floor.
class FlushDenormals {
  public:
#ifdef __SSE2__
    FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | flush_to_zero | are_zero); }
    ~FlushDenormals() { _mm_setcsr(saved_); }
#else
    FlushDenormals() {}
    ~FlushDenormals() {}
#endif
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;

#ifdef __SSE2__
  private:
    static constexpr unsigned flush_to_zero = 0x8000, are_zero = 0x0040;
    unsigned saved_;
#endif
};

}  // namespace emonet
