#include "net/tap_device.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace pssst::net {
namespace {

tl::unexpected<base::Error> tap_failure(const std::string& what, const std::string& name) {
  const int number = errno;
  std::string remedy;
  if (number == EPERM || number == EACCES) remedy = "start with CAP_NET_ADMIN";
  if (number == EBUSY) remedy = "choose another name: this interface exists";
  if (number == ENOENT || number == ENODEV) remedy = "load the kernel module tun";
  return base::fail(what + ": " + base::describe_errno(number), name, remedy);
}

ifreq request_for(const std::string& name) noexcept {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

}  // namespace

base::Result<TapDevice> TapDevice::create(const std::string& name, const MacAddress& mac,
                                          unsigned mtu) {
  if (name.empty() || name.size() >= IFNAMSIZ || name.find_first_of("/ %:") != std::string::npos) {
    return base::fail("not a name for an interface", name, "choose 1 to 15 letters and digits");
  }
  base::FileDescriptor fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (fd.get() < 0) return tap_failure("cannot open /dev/net/tun", name);
  ifreq request = request_for(name);
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
  if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) {
    return tap_failure("cannot make the interface", name);
  }
  request = request_for(name);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::copy(mac.begin(), mac.end(), request.ifr_hwaddr.sa_data);
  if (::ioctl(fd.get(), SIOCSIFHWADDR, &request) != 0) {
    return tap_failure("cannot set the MAC address", name);
  }
  // Of an interface, whatever the socket is.
  const base::FileDescriptor control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  request = request_for(name);
  request.ifr_mtu = static_cast<int>(mtu);
  if (::ioctl(control.get(), SIOCSIFMTU, &request) != 0) {
    return tap_failure("cannot set the MTU", name);
  }
  request = request_for(name);
  if (::ioctl(control.get(), SIOCGIFFLAGS, &request) != 0) {
    return tap_failure("cannot read the flags", name);
  }
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(control.get(), SIOCSIFFLAGS, &request) != 0) {
    return tap_failure("cannot set the interface up", name);
  }
  return TapDevice(name, std::move(fd));
}

std::size_t TapDevice::read(std::span<std::uint8_t> frame) noexcept {
  const ssize_t size = ::read(fd_.get(), frame.data(), frame.size());
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

bool TapDevice::write(std::span<const std::uint8_t> frame) noexcept {
  return ::write(fd_.get(), frame.data(), frame.size()) == static_cast<ssize_t>(frame.size());
}

bool TapDevice::set_carrier(bool is_up) noexcept {
  const int carrier = is_up ? 1 : 0;
  return ::ioctl(fd_.get(), TUNSETCARRIER, &carrier) == 0;
}

}  // namespace pssst::net
