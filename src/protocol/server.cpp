#include "pssst/server.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/assert.hpp"
#include "base/secret_memory.hpp"
#include "protocol/server_key.hpp"
#include "protocol/suite_f002.hpp"

namespace pssst {
namespace {

class NobodyEnrolled final : public ClientLookup {
 public:
  void find(std::span<const std::uint8_t* const>,
            std::span<FoundClient> found) const noexcept override {
    std::ranges::fill(found, FoundClient{});
  }
};

const NobodyEnrolled nobody_enrolled;

/// Clients that a single server remembers in suite 0xF002.
constexpr std::size_t kStaticSecretsMax = 64;

}  // namespace

void ServerKey::PreparedDeleter::operator()(Prepared* prepared) const noexcept {
  base::SecretDeleter<Prepared>{}(prepared);
}

ServerKey::ServerKey(const PrivateKey& key, const KeyUse& use)
    : prepared_(base::make_secret<Prepared>(key).release()), suite_(use.suite) {
  namespace suite_f002 = protocol::suite_f002;
  PSSST_ASSERT(fault_of(use).empty());
  std::ranges::copy(use.label, prepared_->label.begin());
  prepared_->label_size = use.label.size();
  if (suite_ != kSuiteF002) return;
  const auto engine = crypto::Sha256Engine::create();
  if (!engine) throw std::runtime_error(engine.error().to_string());
  key_id_ = suite_f002::make_key_id(**engine, prepared_->public_key, use.label);
  for (const bool authenticated : {false, true}) {
    prepared_->contexts[authenticated ? 1 : 0] =
        suite_f002::make_context(**engine, authenticated, key_id_, use.label);
  }
}
ServerKey::ServerKey(ServerKey&&) noexcept = default;
ServerKey& ServerKey::operator=(ServerKey&&) noexcept = default;
ServerKey::~ServerKey() = default;

const PublicKey& ServerKey::public_key() const noexcept {
  PSSST_ASSERT(prepared_ != nullptr);
  return prepared_->public_key;
}

std::string_view ServerKey::label() const noexcept {
  PSSST_ASSERT(prepared_ != nullptr);
  return {prepared_->label.data(), prepared_->label_size};
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
  auto processor = RequestProcessor::create({}, error, 0, kStaticSecretsMax);
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
  if (const Admitted admitted = admit(datagram, policy_, {&key_, 1}); admitted.key == nullptr) {
    return {.drop = admitted.drop};
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
  if (burst_->size == 0 || message.size() > burst_->reply_space(0).size()) return {};
  std::ranges::copy(message, burst_->reply_space(0).begin());
  burst_->has_reply[0] = 1;
  burst_->reply_size[0] = message.size();
  processor_->seal(*burst_);
  const std::span sealed = burst_->reply_datagram(0);
  forget();
  return sealed;
}

}  // namespace pssst
