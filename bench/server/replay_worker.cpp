#include "server/replay_worker.hpp"

#include <algorithm>
#include <array>
#include <iterator>
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
// Sources that admission takes for unknown wait longer than others, so one pass is not enough.
constexpr std::size_t kVerifyPassesMax = 8;
constexpr std::size_t kProofTableMemory = std::size_t{256} << 20;  // pssstd's default
constexpr std::size_t kIpSourceOffset = 26;                        // in the frame
constexpr std::uint8_t kMessageByte = 0x5a;

std::unique_ptr<Client> make_client(const PrivateKey& server, const PrivateKey* key,
                                    std::uint16_t suite) {
  std::string error;
  auto client = Client::create(server.public_key(), key, &error, {.suite = suite});
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

Population::Population(std::size_t clients, std::uint16_t suite)
    : suite_(suite),
      server_key_(PrivateKey::generate()),
      anonymous_(make_client(server_key_, nullptr, suite)) {
  for (std::size_t i = 0; i < clients; ++i) {
    client_keys_.push_back(PrivateKey::generate());
    authenticated_.push_back(make_client(server_key_, &client_keys_.back(), suite));
  }
}

Client& Population::client_of(const Load& load, std::size_t client) const {
  return load.authenticated ? *authenticated_[client] : *anonymous_;
}

Requests Population::make_requests(const Load& load) const {
  Requests requests;
  const std::vector<std::uint8_t> message(load.message_size, kMessageByte);
  for (std::size_t i = 0; i < size(); ++i) {
    Client& client = client_of(load, i);
    std::vector<std::uint8_t> datagram(message.size() + client.overhead_size());
    PendingRequest& pending = requests.pending.emplace_back();
    PSSST_ASSERT(client.seal(message, datagram, pending) == datagram.size());
    requests.frames.push_back(net::test::make_request_frame(datagram));
    set_source(requests.frames.back(), i);
  }
  return requests;
}

bool Population::is_answer(const Load& load, std::size_t client,
                           std::span<const std::uint8_t> datagram, PendingRequest& pending) const {
  std::array<std::uint8_t, kDatagramSizeMax> space{};
  const Client::Opened opened = client_of(load, client).open(datagram, pending, space);
  const auto message = std::span(space).first(opened.size);
  return opened.fault == ReplyFault::kNone && message.size() == load.message_size &&
         std::ranges::count(message, kMessageByte) == std::ssize(message);
}

server::Service Population::make_service(std::shared_ptr<const Handler> handler) const {
  server::Service service{.udp_port = kOurUdpPort,
                          .keys = {},
                          .policy = ClientPolicy::kOptional,
                          .handler = std::move(handler),
                          .index = 0};
  service.keys.emplace_back(server_key_, KeyUse{.suite = suite_});
  return service;
}

std::unique_ptr<const server::Snapshot> Population::make_snapshot(
    server::Protection protection) const {
  auto handler = server::make_handler("echo", {});
  PSSST_ASSERT(handler.has_value());
  std::vector<server::Service> services;
  services.push_back(make_service(std::move(*handler)));
  std::vector<Identity> enrolled;
  for (const PrivateKey& key : client_keys_) enrolled.push_back({key.public_key()});
  auto snapshot = server::Snapshot::create(std::move(services), std::move(enrolled), nullptr,
                                           std::move(protection));
  PSSST_ASSERT(snapshot.has_value());
  return std::move(*snapshot);
}

ReplayWorker::ReplayWorker(const Population& population, const Load& load,
                           const std::string& kernel, const Guard& guard)
    : ReplayWorker(population, load, kernel, guard, population.make_requests(load)) {}

ReplayWorker::ReplayWorker(const Population& population, const Load& load,
                           const std::string& kernel, const Guard& guard, Requests requests)
    : port_(requests.frames, net::test::our_filter(), kWindow),
      snapshots_(population.make_snapshot(guard.protection), 1) {
  server::WorkerSettings settings;
  settings.x25519_kernel = kernel;
  settings.proof_table_memory = kProofTableMemory;
  settings.protection_memory = guard.memory;
  auto worker = server::Worker<ReplayPort>::create(port_, snapshots_, settings);
  PSSST_ASSERT(worker.has_value());
  worker_ = std::move(*worker);
  const std::size_t passes = kWarmUpPasses * population.size() / burst_limit();
  const std::size_t bursts = passes + (load.authenticated ? population.size() : 0);
  for (std::size_t i = 0; i < bursts; ++i) answer_burst();
  verify_answers(population, load, requests.pending);
}

void ReplayWorker::verify_answers(const Population& population, const Load& load,
                                  std::vector<PendingRequest>& pending) {
  const std::size_t bursts_max =
      kVerifyPassesMax * (population.size() + kWindow) / burst_limit() + 1;
  std::size_t verified = 0;
  for (std::size_t i = 0; verified < pending.size(); ++i) {
    PSSST_ASSERT(i < bursts_max);
    answer_burst();
    for (std::size_t age = 0; age < burst_limit(); ++age) {
      const ReplayPort::Answer answer = port_.sent(age);
      PendingRequest& request = pending[answer.frame];
      if (!request.pending()) continue;  // its reply was found right before
      PSSST_ASSERT(population.is_answer(load, answer.frame, answer.datagram, request));
      ++verified;
    }
  }
}

void ReplayWorker::answer_burst() {
  const telemetry::WorkerCounters& counters = worker_->counters();
  const std::uint64_t before = counters.replied.read() + counters.self_requests.right.read();
  worker_->poll_once();
  const std::uint64_t after = counters.replied.read() + counters.self_requests.right.read();
  PSSST_ASSERT(after - before == burst_limit());
}

}  // namespace pssst::bench
