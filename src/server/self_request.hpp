/// A worker's own request, by which it tells that it still answers as it should.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "server/config/service.hpp"

namespace pssst::server {

/// An anonymous request of suite 1 for an echo, under a server key that is made with it and that
/// nobody else learns; no UDP port leads to its service. Its reply is the same bytes every time.
class SelfRequest {
 public:
  /// Makes key and request, answers it, and has the client's side open the reply.
  static base::Result<std::unique_ptr<const SelfRequest>> create();
  /// `service` has one key; `request` passes admit() with it.
  SelfRequest(Service service, std::vector<std::uint8_t> request,
              std::vector<std::uint8_t> expected_reply);

  [[nodiscard]] const Service& service() const noexcept { return service_; }
  [[nodiscard]] std::span<const std::uint8_t> request() const noexcept { return request_; }
  /// `reply`: a whole datagram, or empty.
  [[nodiscard]] bool is_right(std::span<const std::uint8_t> reply) const noexcept;

 private:
  Service service_;
  std::vector<std::uint8_t> request_;
  std::vector<std::uint8_t> expected_reply_;
};

}  // namespace pssst::server
