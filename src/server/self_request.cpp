#include "server/self_request.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "pssst/client.hpp"
#include "pssst/server.hpp"
#include "server/handlers.hpp"
#include "telemetry/worker_counters.hpp"

namespace pssst::server {
namespace {

constexpr std::string_view kMessage = "a worker's own request";

std::vector<std::uint8_t> copy(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

SelfRequest::SelfRequest(Service service, std::vector<std::uint8_t> request,
                         std::vector<std::uint8_t> expected_reply)
    : service_(std::move(service)),
      request_(std::move(request)),
      expected_reply_(std::move(expected_reply)) {
  service_.slot = telemetry::kSelfServiceSlot;
}

base::Result<std::unique_ptr<const SelfRequest>> SelfRequest::create() {
  std::string error;
  const PrivateKey key = PrivateKey::generate();
  Service service{.name = "self", .keys = {}, .policy = ClientPolicy::kAnonymous, .handler = {}};
  service.keys.emplace_back(key);
  auto handler = make_handler("echo", {});
  if (!handler) return tl::unexpected(handler.error());
  service.handler = std::move(*handler);

  auto client = Client::create(key.public_key(), nullptr, &error);
  if (client == nullptr) return base::fail(error, "a worker's own request");
  auto server = SingleServer::create(service.keys.front(), nullptr, service.policy, &error);
  if (server == nullptr) return base::fail(error, "a worker's own request");
  const std::span message(reinterpret_cast<const std::uint8_t*>(kMessage.data()), kMessage.size());
  std::vector<std::uint8_t> request(message.size() + client->overhead_size());
  PendingRequest pending;
  std::vector<std::uint8_t> opened(request.size());
  bool right = client->seal(message, request, pending) == request.size();
  const auto received = server->open(request);
  right = right && received.drop == DropReason::kNone;
  std::vector<std::uint8_t> reply;
  if (right) reply = copy(server->reply(received.message));
  if (right) {
    const auto answer = client->open(reply, pending, opened);
    opened.resize(answer.size);
    right = answer.fault == ReplyFault::kNone && std::ranges::equal(opened, message);
  }
  if (!right) {
    return base::fail("the server's own request is not answered as it should be",
                      "self-test at start", "do not trust this CPU or this build");
  }
  return std::make_unique<const SelfRequest>(std::move(service), std::move(request),
                                             std::move(reply));
}

bool SelfRequest::is_right(std::span<const std::uint8_t> reply) const noexcept {
  return std::ranges::equal(reply, expected_reply_);
}

}  // namespace pssst::server
