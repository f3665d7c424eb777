#include "server/config/dpdk_keys.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/config/network.hpp"

namespace pssst::server {
namespace {

using Reader = ValueReader;
using Node = TomlNode;

/// Of `text` by `read`; nothing, and a fault, if it is of another form.
template <class T>
std::optional<T> value_of(Reader& reader, base::Result<T> (*read)(const std::string&),
                          const PlacedText& given, const std::string& remedy) {
  auto value = read(given.text);
  if (value) return std::move(*value);
  const base::Error& error = value.error();
  reader.refuse(given.place, "has " + in_quotes(given.text) + ": " + error.what,
                error.remedy.empty() ? remedy : error.remedy);
  return std::nullopt;
}

void read_addresses(Reader& reader, const Node& node, Configuration& to) {
  const TextForm form{.canonical =
                          [](const std::string& text) {
                            const auto address = parse_address(text);
                            return address ? to_string(*address) : std::string();
                          },
                      .wanted = R"(a list of addresses: ["192.0.2.10", "2001:db8::10"])",
                      .remedy = "write a numeric IPv4 or IPv6 address"};
  const auto given = reader.list(node, form);
  if (!given) return;
  to.dpdk.addresses.clear();
  for (const PlacedText& one : *given) {
    const auto address =
        value_of(reader, read_own_address, one, "write an address of the server's own");
    if (address) to.dpdk.addresses.push_back(*address);
  }
}

void read_vlans(Reader& reader, const Node& node, Configuration& to) {
  constexpr const char* kWanted = "write VLAN numbers: [5, 6], and 0 for untagged frames";
  const auto* list = node.as<TomlList>();
  if (list == nullptr) {
    return reader.refuse(node.place, "is " + std::string(kind_of(node)), kWanted);
  }
  std::vector<std::uint16_t> vlans;
  for (const Node& element : *list) {
    const auto* number = element.as<std::int64_t>();
    if (number == nullptr) {
      return reader.refuse(element.place, "has " + std::string(kind_of(element)), kWanted);
    }
    const std::string text = std::to_string(*number);
    const auto vlan = read_vlan(text);
    if (!vlan) return reader.refuse(element.place, "has " + text, vlan.error().remedy);
    if (std::ranges::find(vlans, *vlan) != vlans.end()) {
      return reader.refuse(element.place, "has " + text + " twice", "take one out");
    }
    vlans.push_back(*vlan);
  }
  to.dpdk.vlans = std::move(vlans);
}

void read_gateway_mac(Reader& reader, const Node& node, Configuration& to) {
  std::string text;
  reader.text(node, text);
  to.dpdk.gateway_mac.reset();
  if (text.empty()) return;
  to.dpdk.gateway_mac = value_of(reader, read_station_mac, {.text = text, .place = node.place},
                                 "write that of one station");
}

void read_mtu(Reader& reader, const Node& node, Configuration& to) {
  constexpr unsigned kMtuMin = 576;
  unsigned mtu = 0;
  reader.number(node, 0U, 9216U, mtu);
  if (mtu != 0 && mtu < kMtuMin) {
    return reader.refuse(node.place, "is " + std::to_string(mtu),
                         "choose 576 to 9216, or 0 for the device's");
  }
  to.dpdk.mtu = mtu;
}

void read_capture_drops(Reader& reader, const Node& node, Configuration& to) {
  const auto given = reader.list(node, {.wanted = R"(a list of drop reasons: ["tag", "vlan"])"});
  if (!given) return;
  to.dpdk.capture_drops.clear();
  for (const PlacedText& one : *given) {
    const auto reasons = value_of(reader, read_drop_reasons, one, {});
    if (!reasons) continue;
    to.dpdk.capture_drops.insert(to.dpdk.capture_drops.end(), reasons->begin(), reasons->end());
  }
}

}  // namespace

const std::array<Key<Configuration>, 16> dpdk_keys{{
    {"vdevs", [](Reader& r, const Node& v, Configuration& to) { r.texts(v, to.dpdk.vdevs); }},
    {"pci",
     [](Reader& r, const Node& v, Configuration& to) { r.pci_devices(v, to.dpdk.pci_devices); }},
    {"addresses", read_addresses},
    {"vlans", read_vlans},
    {"gateway_mac", read_gateway_mac},
    {"mtu", read_mtu},
    {"exception",
     [](Reader& r, const Node& v, Configuration& to) { r.texts(v, to.dpdk.exception_taps); }},
    {"capture_drops", read_capture_drops},
    {"capture_file",
     [](Reader& r, const Node& v, Configuration& to) { r.path(v, to.dpdk.capture_file); }},
    {"capture_rate", [](Reader& r, const Node& v,
                        Configuration& to) { r.number(v, 1U, 100000U, to.dpdk.capture_rate); }},
    {"capture_size_mb",
     [](Reader& r, const Node& v, Configuration& to) {
       r.number(v, 1U, 1048576U, to.dpdk.capture_size_mb);
     }},
    {"hugepages",
     [](Reader& r, const Node& v, Configuration& to) { r.flag(v, to.dpdk.hugepages); }},
    {"memory_mb", [](Reader& r, const Node& v,
                     Configuration& to) { r.number(v, 16U, 1048576U, to.dpdk.memory_mb); }},
    {"queue_size", [](Reader& r, const Node& v,
                      Configuration& to) { r.number(v, 32U, 32768U, to.dpdk.queue_size); }},
    {"verify_udp_checksum",
     [](Reader& r, const Node& v, Configuration& to) { r.flag(v, to.dpdk.verify_udp_checksum); }},
    {"eal", [](Reader& r, const Node& v, Configuration& to) { r.texts(v, to.dpdk.eal_arguments); }},
}};

}  // namespace pssst::server
