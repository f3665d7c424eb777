/// A tap: an interface of the kernel whose other end is ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "net/address.hpp"

namespace pssst::net {

class TapDevice {
 public:
  /// Makes the interface `name` with this MAC address and MTU in the network namespace of the
  /// calling thread, and sets it up. Needs CAP_NET_ADMIN, which the rest does not. The interface
  /// goes with the object.
  static base::Result<TapDevice> create(const std::string& name, const MacAddress& mac,
                                        unsigned mtu);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Readable when the kernel has sent a frame.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// A frame that the kernel sends; 0: none now. `frame` has room for the largest, or it is cut.
  [[nodiscard]] std::size_t read(std::span<std::uint8_t> frame) noexcept;
  /// Hands the kernel a frame; false if it takes none now.
  bool write(std::span<const std::uint8_t> frame) noexcept;
  /// Whether the interface's cable is plugged in, as the kernel sees it.
  bool set_carrier(bool is_up) noexcept;

 private:
  TapDevice(std::string name, base::FileDescriptor fd) noexcept
      : name_(std::move(name)), fd_(std::move(fd)) {}

  std::string name_;
  base::FileDescriptor fd_;
};

}  // namespace pssst::net
