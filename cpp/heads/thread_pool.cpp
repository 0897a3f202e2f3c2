#include "heads/thread_pool.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace emonet {
namespace {

class ThreadPool {
  public:
    ~ThreadPool() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        for (std::thread& worker : workers_) worker.join();
    }

    /// False where another call is using the pool.
    bool try_run(std::size_t units, unsigned helpers,
                 const std::function<void(std::size_t)>& work) {
        const std::unique_lock call(call_mutex_, std::try_to_lock);
        if (!call.owns_lock()) return false;
        grow_to(helpers);
        {
            const std::lock_guard lock(mutex_);
            work_ = &work;
            units_ = units;
            next_unit_ = 0;
            wanted_ = std::min<std::size_t>(helpers, workers_.size());
        }
        wake_.notify_all();
        take_units(work, units);
        std::unique_lock lock(mutex_);
        wanted_ = 0;  // a worker that has not woken yet has nothing left to do
        idle_.wait(lock, [this] { return running_ == 0; });
        work_ = nullptr;
        return true;
    }

  private:
    void grow_to(unsigned helpers) {
        while (workers_.size() < helpers) {
            try {
                workers_.emplace_back([this] { serve(); });
            } catch (const std::system_error&) {
                return;  // the system has no more threads: fewer do the same work
            }
        }
    }

    void take_units(const std::function<void(std::size_t)>& work, std::size_t units) {
        for (;;) {
            const std::size_t unit = next_unit_.fetch_add(1, std::memory_order_relaxed);
            if (unit >= units) return;
            work(unit);
        }
    }

    void serve() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return stopping_ || wanted_ > 0; });
            if (stopping_) return;
            --wanted_;
            ++running_;
            const auto* work = work_;
            const std::size_t units = units_;
            lock.unlock();
            take_units(*work, units);
            lock.lock();
            if (--running_ == 0) idle_.notify_one();
        }
    }

    std::mutex call_mutex_;  // held by the one call that uses the pool
    std::mutex mutex_;       // guards everything below but next_unit_
    std::condition_variable wake_;
    std::condition_variable idle_;
    std::vector<std::thread> workers_;
    std::atomic<std::size_t> next_unit_{0};
    const std::function<void(std::size_t)>* work_ = nullptr;
    std::size_t units_ = 0;
    std::size_t wanted_ = 0;   // workers that may still join the current call
    std::size_t running_ = 0;  // workers that have joined it and not finished
    bool stopping_ = false;
};

/// The process's pool. A forked child has none of its parent's threads, so it gets a new pool and
/// the old one is left alone: joining threads that do not exist would hang. Leaked on purpose at
/// exit as well, where static destructors and other libraries' threads meet in no known order.
ThreadPool& process_pool() {
    static std::mutex mutex;
    static ThreadPool* pool = nullptr;
    static pid_t owner = 0;
    const std::lock_guard lock(mutex);
    if (pool == nullptr || owner != ::getpid()) {
        pool = new ThreadPool;
        owner = ::getpid();
    }
    return *pool;
}

}  // namespace

void parallel_for(std::size_t units, unsigned threads,
                  const std::function<void(std::size_t)>& work) {
    const std::size_t useful = std::min<std::size_t>(threads, units);
    if (useful > 1 && process_pool().try_run(units, static_cast<unsigned>(useful - 1), work))
        return;
    for (std::size_t unit = 0; unit < units; ++unit) work(unit);
}

}  // namespace emonet
