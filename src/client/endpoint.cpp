#include "client/endpoint.hpp"

#include <netdb.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/assert.hpp"

namespace pssst::client {
namespace {

int to_native(AddressFamily family) noexcept {
  switch (family) {
    case AddressFamily::kAny:
      return AF_UNSPEC;
    case AddressFamily::kIpv4:
      return AF_INET;
    case AddressFamily::kIpv6:
      return AF_INET6;
  }
  return AF_UNSPEC;
}

tl::unexpected<base::Error> resolve_failure(int code, int error_number, const std::string& host,
                                            AddressFamily family) {
  const std::string reason =
      code == EAI_SYSTEM ? base::describe_errno(error_number) : std::string(gai_strerror(code));
  std::string remedy = "check the name, or give an address";
  if (family == AddressFamily::kIpv4) remedy += "; IPv6 was ruled out by the caller";
  if (family == AddressFamily::kIpv6) remedy += "; IPv4 was ruled out by the caller";
  return base::fail("cannot resolve the host: " + reason, host, std::move(remedy));
}

}  // namespace

std::string Endpoint::to_string() const {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(),
                  port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unknown address";
  }
  const std::string text(host.data());
  return (address.ss_family == AF_INET6 ? "[" + text + "]" : text) + ":" + port.data();
}

base::Result<std::vector<Endpoint>> resolve(const std::string& host, std::uint16_t port,
                                            AddressFamily family) {
  addrinfo hints{};
  hints.ai_family = to_native(family);
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (code != 0) return resolve_failure(code, errno, host, family);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);

  std::vector<Endpoint> endpoints;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    Endpoint endpoint;
    if (entry->ai_addrlen > sizeof endpoint.address) continue;
    std::memcpy(&endpoint.address, entry->ai_addr, entry->ai_addrlen);
    endpoint.size = entry->ai_addrlen;
    endpoints.push_back(endpoint);
  }
  PSSST_ASSERT(!endpoints.empty());
  return endpoints;
}

}  // namespace pssst::client
