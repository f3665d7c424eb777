#include "net/pcap_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pssst::net {
namespace {

// In the writer's byte order, which the magic number tells.
struct FileHeader {
  std::uint32_t magic = 0xa1b23c4d;  // nanoseconds
  std::uint16_t version_major = 2;
  std::uint16_t version_minor = 4;
  std::uint32_t zone = 0;
  std::uint32_t accuracy = 0;
  std::uint32_t frame_size_max = 65535;
  std::uint32_t link_type = 1;  // Ethernet
};
static_assert(sizeof(FileHeader) == 24);

struct FrameHeader {
  std::uint32_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  std::uint32_t size_kept = 0;
  std::uint32_t size = 0;
};
static_assert(sizeof(FrameHeader) == 16);

template <class Header>
void append(std::vector<std::uint8_t>& bytes, const Header& header) {
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof header);
  std::memcpy(&bytes[at], &header, sizeof header);
}

tl::unexpected<base::Error> write_failure(const std::string& path) {
  return base::fail("cannot write: " + base::describe_errno(errno), path);
}

// Its bytes would stay with its owner, and with whoever has it open.
base::Result<void> remove_other(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return write_failure(path);
  }
  if (!S_ISREG(status.st_mode)) {
    return base::fail("not a regular file", path,
                      S_ISLNK(status.st_mode) ? "a symbolic link is not followed" : "");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return base::fail("cannot replace the file: " + base::describe_errno(errno), path,
                      "remove it, or choose another name");
  }
  return {};
}

}  // namespace

base::Result<PcapFile> PcapFile::create(const std::string& path, std::size_t size_max) {
  if (auto removed = remove_other(path); !removed) return tl::unexpected(removed.error());
  base::FileDescriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.get() < 0) return write_failure(path);
  PcapFile file(std::move(fd), size_max);
  append(file.buffer_, FileHeader{});
  file.size_ = file.buffer_.size();
  if (!file.flush()) return write_failure(path);
  return file;
}

bool PcapFile::add(std::uint64_t time_ns, std::span<const std::uint8_t> frame, std::size_t size) {
  constexpr std::uint64_t kSecondNs = 1'000'000'000;
  const std::size_t wanted = sizeof(FrameHeader) + frame.size();
  if (given_up_ || wanted > size_max_ - std::min(size_, size_max_)) return false;
  append(buffer_, FrameHeader{.seconds = static_cast<std::uint32_t>(time_ns / kSecondNs),
                              .nanoseconds = static_cast<std::uint32_t>(time_ns % kSecondNs),
                              .size_kept = static_cast<std::uint32_t>(frame.size()),
                              .size = static_cast<std::uint32_t>(size)});
  buffer_.insert(buffer_.end(), frame.begin(), frame.end());
  size_ += wanted;
  return true;
}

bool PcapFile::flush() noexcept {
  std::size_t done = 0;
  while (!given_up_ && done < buffer_.size()) {
    const ssize_t size = ::write(fd_.get(), &buffer_[done], buffer_.size() - done);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      given_up_ = true;
      // Half a frame would make readers complain of the rest.
      [[maybe_unused]] const int cut = ::ftruncate(fd_.get(), static_cast<off_t>(written_));
    } else {
      done += static_cast<std::size_t>(size);
    }
  }
  if (!given_up_) written_ += done;
  buffer_.clear();
  return !given_up_;
}

}  // namespace pssst::net
