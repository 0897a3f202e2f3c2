#pragma once

#include <cstddef>
#include <functional>

namespace emonet {

/// Calls work(unit) for every unit below `units`, on at most `threads` threads including the
/// caller's. Threads take the next unit when they are free, and sleep when there is none: an idle
/// pool uses no CPU. One pool serves the process; a call that finds it busy does all the work on
/// its own thread, so concurrent callers neither wait for each other nor oversubscribe.
/// `work` must not throw.
void parallel_for(std::size_t units, unsigned threads,
                  const std::function<void(std::size_t unit)>& work);

}  // namespace emonet
