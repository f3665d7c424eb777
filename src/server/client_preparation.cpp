#include "server/client_preparation.hpp"

#include <algorithm>
#include <span>

namespace pssst::server {
namespace {

constexpr std::size_t kSecretsMin = 1024;
constexpr std::size_t kSecretsMax = std::size_t{1} << 18;

}  // namespace

std::size_t static_secrets_wanted(const Snapshot& snapshot) noexcept {
  std::size_t keys = 0;
  for (const Service& service : snapshot.services()) {
    keys +=
        static_cast<std::size_t>(std::ranges::count(service.keys, kSuiteF002, &ServerKey::suite));
  }
  if (keys == 0) return kSecretsMin;
  return std::clamp(2 * keys * snapshot.clients().size(), kStaticSecretsDefault, kSecretsMax);
}

bool ClientPreparation::start(const Snapshot& snapshot) noexcept {
  if (&snapshot == snapshot_) return false;
  const bool first = snapshot_ == nullptr;
  *this = ClientPreparation();
  snapshot_ = &snapshot;
  return !first;
}

const ServerKey* ClientPreparation::find_key() noexcept {
  const std::span<const Service> services = snapshot_->services();
  for (; service_ < services.size(); ++service_, key_ = 0) {
    const Service& service = services[service_];
    if (service.policy == ClientPolicy::kAnonymous) continue;
    for (; key_ < service.keys.size(); ++key_) {
      if (service.keys[key_].suite() == kSuiteF002) return &service.keys[key_];
    }
  }
  return nullptr;
}

bool ClientPreparation::step(RequestProcessor& processor) noexcept {
  if (snapshot_ == nullptr || prepared_ >= processor.static_secret_capacity()) return false;
  const std::span<const Identity> clients = snapshot_->clients().identities();
  if (client_ == clients.size()) {
    client_ = 0;
    ++key_;
  }
  const ServerKey* const key = find_key();
  if (key == nullptr || clients.empty()) return false;
  const std::span some = clients.subspan(client_, std::min(kStep, clients.size() - client_));
  processor.prepare_clients(*key, some);
  client_ += some.size();
  prepared_ += some.size();
  return true;
}

}  // namespace pssst::server
