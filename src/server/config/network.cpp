#include "server/config/network.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <vector>

namespace pssst::server {
namespace {

// They are searched one by one for every frame.
constexpr std::size_t kAddressesMax = 64;
constexpr unsigned kIpv6MtuMin = 1280;  // RFC 8200, section 5
constexpr unsigned kVlanMax = 4094;     // IEEE 802.1Q reserves 4095

template <class T>
const T* find_repeated(const std::vector<T>& values) {
  for (auto value = values.begin(); value != values.end(); ++value) {
    if (std::find(values.begin(), value, *value) != value) return &*value;
  }
  return nullptr;
}

/// Neither unspecified nor loopback, no group, no broadcast.
bool can_be_own(const Address& address) {
  if (net::is_mapped(address)) {
    const net::Ipv4Address ip = net::unmapped(address);
    return ip[0] != 0 && ip[0] != 127 && ip[0] < 224;
  }
  const bool is_unspecified_or_loopback =
      std::all_of(address.begin(), address.end() - 1, [](auto byte) { return byte == 0; }) &&
      address.back() <= 1;
  return address[0] != 0xff && !is_unspecified_or_loopback;
}

}  // namespace

base::Result<Address> read_own_address(const std::string& text) {
  const auto address = parse_address(text);
  if (!address) return base::fail("not a numeric IPv4 or IPv6 address", text);
  if (!can_be_own(*address)) return base::fail("no address that a host can have", text);
  return *address;
}

base::Result<std::uint16_t> read_vlan(const std::string& text) {
  unsigned vlan = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, vlan);
  if (error != std::errc{} || rest != end || vlan > kVlanMax) {
    return base::fail("not a VLAN", text, "choose 1 to 4094, or 0 for untagged frames");
  }
  return static_cast<std::uint16_t>(vlan);
}

base::Result<net::MacAddress> read_station_mac(const std::string& text) {
  const auto mac = net::parse_mac(text);
  if (!mac) return base::fail("not a MAC address", text, "write 02:00:00:00:00:01");
  if (((*mac)[0] & 1) != 0) return base::fail("the MAC address of a group", text);
  return *mac;
}

base::Result<std::vector<DropReason>> read_drop_reasons(const std::string& text) {
  std::vector<DropReason> reasons;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view name = std::string_view(text).substr(begin, end - begin);
    const auto* const found =
        std::find_if(kDropReasons.begin() + 1, kDropReasons.end(),
                     [&](const DropReasonInfo& info) { return info.name == name; });
    if (found == kDropReasons.end()) {
      return base::fail("no drop reason \"" + std::string(name) + "\"", text,
                        "choose from the names that --counters json shows");
    }
    reasons.push_back(static_cast<DropReason>(found - kDropReasons.begin()));
    begin = end + 1;
  }
  return reasons;
}

base::Result<void> check_network(const DpdkOptions& options) {
  if (options.vdevs.empty() && options.pci_devices.empty()) {
    return base::fail("no device", {}, "name a virtual device or a PCI address");
  }
  if (options.addresses.empty()) return base::fail("no address of our own", {}, "give one");
  if (options.addresses.size() > kAddressesMax) {
    return base::fail("more than " + std::to_string(kAddressesMax) + " addresses");
  }
  if (const Address* twice = find_repeated(options.addresses)) {
    return base::fail("the address stands twice", to_string(*twice));
  }
  if (const std::uint16_t* twice = find_repeated(options.vlans)) {
    return base::fail("the VLAN stands twice", std::to_string(*twice));
  }
  const bool any_ipv6 =
      !std::all_of(options.addresses.begin(), options.addresses.end(),
                   [](const Address& address) { return net::is_mapped(address); });
  if (any_ipv6 && options.mtu != 0 && options.mtu < kIpv6MtuMin) {
    return base::fail("IPv6 needs an MTU of 1280", std::to_string(options.mtu));
  }
  if (options.exception_taps.size() > options.vdevs.size() + options.pci_devices.size()) {
    return base::fail("more taps than devices", options.exception_taps.back());
  }
  if (const std::string* twice = find_repeated(options.exception_taps)) {
    return base::fail("the tap stands twice", *twice);
  }
  if (options.capture_drops.empty() != options.capture_file.empty()) {
    return base::fail("drops to capture and a file for them go together", options.capture_file);
  }
  return {};
}

}  // namespace pssst::server
