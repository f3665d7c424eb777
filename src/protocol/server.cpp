#include "pssst/server.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/secret_memory.hpp"
#include "protocol/server_key.hpp"

namespace pssst {
namespace {

class NobodyEnrolled final : public ClientLookup {
 public:
  void find(std::span<const std::uint8_t* const>,
            std::span<const Identity*> found) const noexcept override {
    std::ranges::fill(found, nullptr);
  }
};

const NobodyEnrolled nobody_enrolled;

}  // namespace

void ServerKey::PreparedDeleter::operator()(Prepared* prepared) const noexcept {
  base::SecretDeleter<Prepared>{}(prepared);
}

ServerKey::ServerKey(const PrivateKey& key)
    : prepared_(base::make_secret<Prepared>(key).release()) {}
ServerKey::ServerKey(ServerKey&&) noexcept = default;
ServerKey& ServerKey::operator=(ServerKey&&) noexcept = default;
ServerKey::~ServerKey() = default;

const PublicKey& ServerKey::public_key() const noexcept {
  PSSST_ASSERT(prepared_ != nullptr);
  return prepared_->public_key;
}

SingleServer::SingleServer(const ServerKey& key, const ClientLookup* clients, ClientPolicy policy,
                           std::unique_ptr<RequestProcessor> processor)
    : key_(key),
      clients_(clients != nullptr ? *clients : nobody_enrolled),
      policy_(policy),
      processor_(std::move(processor)),
      burst_(make_request_burst()) {}

std::unique_ptr<SingleServer> SingleServer::create(const ServerKey& key,
                                                   const ClientLookup* clients, ClientPolicy policy,
                                                   std::string* error) {
  auto processor = RequestProcessor::create({}, error);
  if (processor == nullptr) return nullptr;
  return std::unique_ptr<SingleServer>(
      new SingleServer(key, clients, policy, std::move(processor)));
}

void SingleServer::forget() noexcept {
  processor_->wipe_secrets(*burst_);
  burst_->size = 0;
}

SingleServer::Opened SingleServer::open(std::span<const std::uint8_t> datagram) noexcept {
  forget();
  if (datagram.size() > kDatagramSizeMax) return {.drop = DropReason::kFrameOversized};
  if (const DropReason reason = admit(datagram, policy_); reason != DropReason::kNone) {
    return {.drop = reason};
  }
  // The reply repeats parts of the request, and the caller's bytes may be gone by then.
  std::ranges::copy(datagram, datagram_.begin());
  burst_->add(std::span(datagram_).first(datagram.size()), key_);
  processor_->multiply(*burst_);
  processor_->open(*burst_);
  processor_->identify(*burst_, clients_);
  processor_->prove(*burst_);
  if (const DropReason reason = burst_->drop[0]; reason != DropReason::kNone) {
    forget();
    return {.drop = reason};
  }
  return {.message = {burst_->message[0], burst_->message_size[0]}, .client = burst_->client[0]};
}

std::span<const std::uint8_t> SingleServer::reply(std::span<const std::uint8_t> message) noexcept {
  if (burst_->size == 0 || message.size() > kReplySizeMax) return {};
  std::ranges::copy(message, burst_->reply_space(0).begin());
  burst_->has_reply[0] = 1;
  burst_->reply_size[0] = message.size();
  processor_->seal(*burst_);
  const std::span sealed = burst_->reply_datagram(0);
  forget();
  return sealed;
}

}  // namespace pssst
