/// Frames in a file that tcpdump and Wireshark read: pcap with nanoseconds, link type Ethernet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"

namespace pssst::net {

class PcapFile {
 public:
  /// Makes the file, which its owner alone may read, in place of a regular one that has its name;
  /// who had that open sees nothing of it. Anything else there is refused, symbolic links and pipes
  /// among them. It grows to `size_max` bytes at most.
  static base::Result<PcapFile> create(const std::string& path, std::size_t size_max);

  /// Keeps a frame for the next flush(). `size` is that of the whole frame, of which `frame` is the
  /// beginning; `time_ns`: since 1970. False if the file is full or was given up.
  bool add(std::uint64_t time_ns, std::span<const std::uint8_t> frame, std::size_t size);
  /// Writes what was added. False if it could not: the file is given up, whole up to there.
  bool flush() noexcept;

 private:
  PcapFile(base::FileDescriptor fd, std::size_t size_max) noexcept
      : fd_(std::move(fd)), size_max_(size_max) {}

  base::FileDescriptor fd_;
  std::size_t size_max_;
  std::size_t size_ = 0;  ///< with what is still to be written
  std::size_t written_ = 0;
  bool given_up_ = false;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace pssst::net
