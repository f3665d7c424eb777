/// Source addresses that are not ours.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "net/frame.hpp"

namespace pssst::tools::load {

/// Addresses of an IPv4 prefix, as if drawn at random, but for those that nobody replies to:
/// 0.0.0.0/8, the loopback unless the prefix lies in it, multicast and what is reserved.
class SourcePrefix {
 public:
  /// "198.18.0.0/15"; 0 to 32 bits. Refuses bits set behind the prefix, and a prefix with nothing
  /// in it.
  [[nodiscard]] static base::Result<SourcePrefix> parse(const std::string& text);

  [[nodiscard]] net::Ipv4Address next() noexcept;

 private:
  SourcePrefix(std::uint32_t address, unsigned bits) noexcept : address_(address), bits_(bits) {}

  [[nodiscard]] bool may_be_source(std::uint32_t address) const noexcept;

  std::uint32_t address_;
  unsigned bits_;
  std::uint64_t state_ = 1;
};

}  // namespace pssst::tools::load
