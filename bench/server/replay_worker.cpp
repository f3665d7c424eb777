#include "server/replay_worker.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "base/assert.hpp"
#include "net/frame_bytes.hpp"
#include "server/config/service.hpp"
#include "server/handlers.hpp"

namespace pssst::bench {
namespace {

using net::test::kOurUdpPort;

// Requests outstanding: bursts are full, and queues as short as a client keeps them.
constexpr std::size_t kWindow = 4 * kBurstLanesMax;
// Every client is seen this often before the first measurement: what is made for clients that come
// again is made. Of what takes long, a worker makes but one in a burst.
constexpr std::size_t kWarmUpPasses = 4;
constexpr std::size_t kProofTableMemory = std::size_t{256} << 20;  // pssstd's default
constexpr std::size_t kIpSourceOffset = 26;                        // in the frame

std::unique_ptr<Client> make_client(const PrivateKey& server, const PrivateKey* key) {
  std::string error;
  auto client = Client::create(server.public_key(), key, &error);
  PSSST_ASSERT(client != nullptr);
  return client;
}

void set_source(std::vector<std::uint8_t>& frame, std::size_t client) {
  frame[kIpSourceOffset] = 10;
  frame[kIpSourceOffset + 1] = static_cast<std::uint8_t>(1 + client / 256);
  frame[kIpSourceOffset + 2] = static_cast<std::uint8_t>(client);
  net::test::fix_ip_checksum(frame);
  net::test::fix_udp_checksum(frame);
}

}  // namespace

Population::Population(std::size_t clients)
    : server_key_(PrivateKey::generate()), anonymous_(make_client(server_key_, nullptr)) {
  for (std::size_t i = 0; i < clients; ++i) {
    client_keys_.push_back(PrivateKey::generate());
    authenticated_.push_back(make_client(server_key_, &client_keys_.back()));
  }
}

std::vector<std::vector<std::uint8_t>> Population::make_frames(const Load& load) const {
  std::vector<std::vector<std::uint8_t>> frames;
  const std::vector<std::uint8_t> message(load.message_size, 0x5a);
  for (std::size_t i = 0; i < authenticated_.size(); ++i) {
    Client& client = load.authenticated ? *authenticated_[i] : *anonymous_;
    std::vector<std::uint8_t> datagram(message.size() + client.overhead_size());
    PendingRequest pending;
    PSSST_ASSERT(client.seal(message, datagram, pending) == datagram.size());
    frames.push_back(net::test::make_request_frame(datagram));
    set_source(frames.back(), i);
  }
  return frames;
}

std::unique_ptr<const server::Snapshot> Population::make_snapshot() const {
  std::vector<server::Service> services;
  auto handler = server::make_handler("echo", {});
  PSSST_ASSERT(handler.has_value());
  services.push_back({.udp_port = kOurUdpPort,
                      .keys = {},
                      .policy = ClientPolicy::kOptional,
                      .handler = std::move(*handler),
                      .index = 0});
  services.back().keys.emplace_back(server_key_);
  std::vector<Identity> enrolled;
  for (const PrivateKey& key : client_keys_) enrolled.push_back({key.public_key()});
  auto snapshot = server::Snapshot::create(std::move(services), std::move(enrolled));
  PSSST_ASSERT(snapshot.has_value());
  return std::move(*snapshot);
}

ReplayWorker::ReplayWorker(const Population& population, const Load& load,
                           const std::string& kernel)
    : port_(population.make_frames(load), net::test::our_filter(), kWindow),
      snapshots_(population.make_snapshot(), 1) {
  server::WorkerSettings settings;
  settings.x25519_kernel = kernel;
  settings.proof_table_memory = kProofTableMemory;
  auto worker = server::Worker<ReplayPort>::create(port_, snapshots_, settings);
  PSSST_ASSERT(worker.has_value());
  worker_ = std::move(*worker);
  const std::size_t passes = kWarmUpPasses * population.size() / burst_limit();
  const std::size_t bursts = passes + (load.authenticated ? population.size() : 0);
  for (std::size_t i = 0; i < bursts; ++i) answer_burst();
}

void ReplayWorker::answer_burst() {
  const std::uint64_t replied = worker_->counters().replied.read();
  worker_->poll_once();
  PSSST_ASSERT(worker_->counters().replied.read() - replied == burst_limit());
}

}  // namespace pssst::bench
