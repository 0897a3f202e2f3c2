// The pool under many callers: every unit is worked on once, whoever does it. Worth most under
// ThreadSanitizer (preset tsan).
#include <algorithm>
#include <thread>
#include <vector>

#include "check.hpp"
#include "heads/thread_pool.hpp"

using namespace emonet;

namespace {

/// How often each unit was worked on. Plain integers on purpose: that nobody shares a unit, and
/// that the caller may read when the call returns, is what the pool promises.
std::vector<int> visits_of(std::size_t units, unsigned threads) {
    std::vector<int> visits(units);
    parallel_for(units, threads, [&visits](std::size_t unit) { ++visits[unit]; });
    return visits;
}

bool each_unit_was_visited_once(std::size_t units, unsigned threads) {
    return visits_of(units, threads) == std::vector<int>(units, 1);
}

void one_caller_has_every_unit_done_once() {
    for (unsigned threads : {0u, 1u, 2u, 3u, 8u})
        for (std::size_t units : {0, 1, 2, 7, 1000})
            CHECK(each_unit_was_visited_once(units, threads));
}

void workers_that_join_late_share_what_is_left() {
    // Long enough that they do: a short call is over before any of them has woken.
    for (unsigned threads : {2u, 4u}) CHECK(each_unit_was_visited_once(500'000, threads));
}

void many_short_calls_follow_each_other() {
    // The next call may begin before a worker of the last one has woken.
    for (int call = 0; call < 2000; ++call) CHECK(each_unit_was_visited_once(3, 4));
}

void several_callers_at_once_have_every_unit_done_once() {
    constexpr std::size_t n_callers = 4, calls = 200;
    std::vector<std::size_t> right(n_callers);  // one for each caller: CHECK is not for threads
    std::vector<std::thread> callers;
    for (std::size_t caller = 0; caller < n_callers; ++caller)
        callers.emplace_back([&right, caller] {
            for (std::size_t call = 0; call < calls; ++call)
                right[caller] += each_unit_was_visited_once(call + caller, 3);
        });
    for (std::thread& caller : callers) caller.join();
    CHECK(right == std::vector<std::size_t>(n_callers, calls));
}

}  // namespace

int main() {
    one_caller_has_every_unit_done_once();
    workers_that_join_late_share_what_is_left();
    many_short_calls_follow_each_other();
    several_callers_at_once_have_every_unit_done_once();
    return test::report("thread_pool");
}
