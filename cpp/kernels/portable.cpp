#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"

namespace emonet::portable {

#include "kernels/bodies/image.hpp"

const Kernels table{{}, image_kernels(), {}};

}  // namespace emonet::portable
