#include "server/client_preparation.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace pssst::server {
namespace {

constexpr std::size_t kSecretsMin = 1024;
constexpr std::size_t kSecretsMax = std::size_t{1} << 18;

}  // namespace

std::size_t static_secrets_wanted(const Snapshot& snapshot, std::size_t clients) noexcept {
  std::size_t keys = 0;
  for (const Service& service : snapshot.services()) {
    keys +=
        static_cast<std::size_t>(std::ranges::count(service.keys, kSuiteF002, &ServerKey::suite));
  }
  if (keys == 0) return kSecretsMin;
  // So many clients that the product would not fit are more than enough.
  const std::size_t counted = std::min(clients, kSecretsMax);
  return std::clamp(2 * keys * counted, kStaticSecretsDefault, kSecretsMax);
}

bool ClientPreparation::start(const Snapshot& snapshot,
                              const identity::ClientDirectory* directory) noexcept {
  if (snapshot.serial() == serial_) return false;
  const bool first = snapshot_ == nullptr;
  *this = ClientPreparation();
  snapshot_ = &snapshot;
  serial_ = snapshot.serial();
  directory_ = directory;
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
  const bool nobody =
      directory_ == nullptr ? snapshot_->clients().size() == 0 : !directory_->serving();
  if (nobody) return false;
  const ServerKey* const key = find_key();
  if (key == nullptr) return false;
  std::array<Identity, kStep> clients;
  const std::size_t n = next_clients(clients);
  processor.prepare_clients(*key, std::span(clients).first(n));
  prepared_ += n;
  return true;
}

std::size_t ClientPreparation::next_clients(std::span<Identity, kStep> clients) noexcept {
  std::size_t n = 0;
  bool at_end = false;
  if (directory_ != nullptr) {
    n = directory_->walk(cursor_, clients);
    at_end = directory_->at_end(cursor_);
  } else {
    const std::span<const Identity> all = snapshot_->clients().identities();
    n = std::min(kStep, all.size() - client_);
    std::ranges::copy(all.subspan(client_, n), clients.begin());
    client_ += n;
    at_end = client_ == all.size();
  }
  if (at_end) {
    cursor_ = {};
    client_ = 0;
    ++key_;
  }
  return n;
}

}  // namespace pssst::server
