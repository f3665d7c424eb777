/// Source addresses that are not ours.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "net/frame.hpp"

namespace pssst::tools::load {

/// Addresses of an IPv4 prefix, as if drawn at random.
class SourcePrefix {
 public:
  /// "198.18.0.0/15"; 8 to 32 bits. Refuses bits set behind the prefix.
  [[nodiscard]] static base::Result<SourcePrefix> parse(const std::string& text);

  [[nodiscard]] net::Ipv4Address next() noexcept;

 private:
  SourcePrefix(std::uint32_t address, unsigned bits) noexcept : address_(address), bits_(bits) {}

  std::uint32_t address_;
  unsigned bits_;
  std::uint64_t state_ = 1;
};

}  // namespace pssst::tools::load
