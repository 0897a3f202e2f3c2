#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace emonet {

/// A file opened for reading; closes itself.
class InputFile {
  public:
    explicit InputFile(const std::string& path);
    ~InputFile();
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    std::size_t size() const { return size_; }
    int descriptor() const { return descriptor_; }
    const std::string& path() const { return path_; }

    /// Reads exactly `size` bytes from `offset`; throws PackedHeadsError where there are fewer.
    void read(void* to, std::size_t size, std::size_t offset) const;

  private:
    std::string path_;
    int descriptor_ = -1;
    std::size_t size_ = 0;
};

/// Where the weights' pages come from.
enum class Storage {
    map,   // the file's own pages: shared between processes, dropped and read again under pressure
    copy,  // anonymous memory in huge pages: private, never re-read, never a SIGBUS
};

/// A page-aligned range of a file in memory, read-only.
class FileBytes {
  public:
    FileBytes() = default;
    FileBytes(const InputFile& file, std::size_t offset, std::size_t size, Storage storage);
    ~FileBytes();
    FileBytes(FileBytes&& other) noexcept;
    FileBytes& operator=(FileBytes&& other) noexcept;

    const std::uint8_t* data() const { return data_; }
    std::size_t size() const { return size_; }

  private:
    void* base_ = nullptr;
    std::size_t mapped_ = 0;
    const std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace emonet
