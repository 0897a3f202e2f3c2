#include "heads/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "error.hpp"

namespace emonet {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw Error("PackedHeadsError", "a packed heads file must be readable; '" + path +
                                        "': " + what +
                                        "; check the model directory with emonet-edge verify");
}

void* map_anonymous(std::size_t size, const std::string& path) {
    void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        throw Error("MemoryBudgetError",
                    "the heads must fit into memory; '" + path + "' needs " + std::to_string(size) +
                        " bytes more: " + std::strerror(errno) + "; open fewer heads");
    ::madvise(base, size, MADV_HUGEPAGE);  // a wish: small pages work as well
    return base;
}

}  // namespace

InputFile::InputFile(const std::string& path) : path_(path) {
    // O_NONBLOCK: opening a FIFO must not hang; it has no effect on regular files.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) fail(path, std::strerror(errno));
    struct stat status{};
    const bool regular = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
    if (!regular) {
        ::close(descriptor_);
        fail(path, "it is not a regular file");
    }
    size_ = static_cast<std::size_t>(status.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(void* to, std::size_t size, std::size_t offset) const {
    auto* at = static_cast<char*>(to);
    while (size > 0) {
        const ssize_t got = ::pread(descriptor_, at, size, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(path_, std::strerror(errno));
        if (got == 0) fail(path_, "it ends at byte " + std::to_string(offset));
        at += got;
        offset += static_cast<std::size_t>(got);
        size -= static_cast<std::size_t>(got);
    }
}

FileBytes::FileBytes(const InputFile& file, std::size_t offset, std::size_t size, Storage storage)
    : size_(size) {
    if (storage == Storage::map) {
        mapped_ = size;
        base_ = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(),
                       static_cast<off_t>(offset));
        if (base_ == MAP_FAILED) {
            base_ = nullptr;
            fail(file.path(), std::strerror(errno));
        }
        ::madvise(base_, size, MADV_WILLNEED);
        data_ = static_cast<const std::uint8_t*>(base_);
        return;
    }
    mapped_ = size + huge_page;
    base_ = map_anonymous(mapped_, file.path());
    const auto address = reinterpret_cast<std::uintptr_t>(base_);
    auto* aligned = reinterpret_cast<std::uint8_t*>((address + huge_page - 1) & ~(huge_page - 1));
    data_ = aligned;
    try {
        file.read(aligned, size, offset);
    } catch (...) {
        ::munmap(base_, mapped_);
        throw;
    }
    ::mprotect(base_, mapped_, PROT_READ);
}

FileBytes::~FileBytes() {
    if (base_ != nullptr) ::munmap(base_, mapped_);
}

FileBytes::FileBytes(FileBytes&& other) noexcept { *this = std::move(other); }

FileBytes& FileBytes::operator=(FileBytes&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(mapped_, other.mapped_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

}  // namespace emonet
