// The whole receive path: frames from anybody in, a worker with services behind the port, frames
// out. Worker, port and rings stay from input to input. Nothing is read or written out of bounds,
// the books balance, every frame that goes out is one that its receiver takes, and every request
// that was sealed and not spoilt is answered with what was asked for.
//
// Input: operations, one after another. The first byte's low 2 bits say which:
// 0: a frame as it stands: size 2 | bytes. Bit 2: right checksums first.
// 1: a sealed request: options 1 (bit 0: IPv6, 1: tagged, 2: an enrolled client, 3: suite 0xF002,
//    4 to 6: which service) | size of the message 1. Bit 2: with 2 bytes more, offset and value,
//    one byte of the frame is spoilt; bit 3: and then the checksums made right.
// 2: the worker polls once.
// 3: the kernel, and who writes captured drops, take what is there for them.
#include <algorithm>
#include <optional>
#include <string>

#include "base/assert.hpp"
#include "frame_port.hpp"
#include "net/frame_bytes.hpp"
#include "pssst/client.hpp"
#include "server/report.hpp"
#include "server/test_services.hpp"
#include "server/worker.hpp"

namespace pssst::fuzz {
namespace {

using namespace net::test;

constexpr std::uint16_t kFirstPort = 5000;
constexpr std::string_view kHandlers[] = {"echo", "discard", "ack"};
constexpr std::string_view kLabel = "fuzz.example";
constexpr KeyUse kF002{.suite = kSuiteF002, .label = kLabel};
constexpr std::uint16_t kTag = 0x6005;

net::FrameFilter make_port_filter() {
  net::FrameFilter filter = our_filter();
  auto udp_ports = std::make_shared<net::UdpPortSet>();
  // The last has no service.
  for (std::uint16_t i = 0; i < 4; ++i) udp_ports->insert(kFirstPort + i);
  filter.udp_ports = udp_ports;
  filter.vlans.set(kTag & 0x0fff);
  filter.mtu = 1400;
  return filter;
}

/// What a request in a frame is to be answered with.
struct Pending {
  Bytes frame;
  std::size_t service = 0;
  Client* client = nullptr;
  PendingRequest request;
  Bytes message;
};

class World {
 public:
  World() {
    std::vector<server::Service> services;
    for (std::size_t i = 0; i < std::size(kHandlers); ++i) {
      services.push_back(
          server::make_service(static_cast<std::uint16_t>(kFirstPort + i), kHandlers[i], keys_[i]));
      services.back().index = i;
      services.back().keys.emplace_back(f002_keys_[i], kF002);
      for (const bool enrolled : {false, true}) {
        const PrivateKey* own = enrolled ? &enrolled_ : nullptr;
        clients_[i][enrolled][0] = make_client(keys_[i], own, {});
        clients_[i][enrolled][1] = make_client(f002_keys_[i], own, kF002);
      }
    }
    // Limits count and let pass: what is right is to be answered, whatever came before it.
    auto snapshot =
        server::Snapshot::create(std::move(services), {Identity{enrolled_.public_key()}}, nullptr,
                                 {.limit = server::LimitMode::kCount});
    PSSST_ASSERT(snapshot.has_value());
    snapshots_ = std::make_unique<server::Published<server::Snapshot>>(std::move(*snapshot), 1);
    auto worker = server::Worker<FramePort>::create(port_, *snapshots_, {});
    PSSST_ASSERT(worker.has_value());
    worker_ = std::move(*worker);
  }

  FramePort& port() { return port_; }

  /// A frame around a request; what it is to be answered with is remembered.
  Bytes seal(std::uint8_t options, std::size_t message_size) {
    Pending& pending = pending_.emplace_back();
    pending.service = (options >> 4) % std::size(kHandlers);
    pending.client = clients_[pending.service][options >> 2 & 1][options >> 3 & 1].get();
    pending.message = Bytes(message_size, options);
    Bytes datagram(message_size + pending.client->overhead_size());
    PSSST_ASSERT(pending.client->seal(pending.message, datagram, pending.request) ==
                 datagram.size());
    const bool is_ipv6 = (options & 1) != 0;
    Bytes frame = is_ipv6 ? make_ipv6_request_frame(datagram) : make_request_frame(datagram);
    const std::size_t udp_at = frame.size() - datagram.size() - 8;
    put16(frame, udp_at + 2, kFirstPort + pending.service);
    is_ipv6 ? fix_ipv6_checksum(frame, 6) : fix_udp_checksum(frame);
    if ((options & 2) != 0) frame = tagged(frame, kTag);
    pending.frame = frame;
    return frame;
  }
  /// The last sealed one was spoilt: nothing is expected of it.
  void forget() { pending_.pop_back(); }

  void poll() {
    worker_->poll_once();
    check_sent();
  }

  void drain() {
    for (net::FrameRing* ring : {&port_.to_kernel(), &port_.captured()}) {
      for (; !ring->empty(); ring->pop()) PSSST_ASSERT(ring->front().frame.size() <= 1536);
    }
  }

  void finish() {
    while (worker_->poll_once()) {
    }
    check_sent();
    const server::Books books = server::read_books({0, &port_.counters(), &worker_->counters()});
    PSSST_ASSERT(books.balanced() && books.pending == 0 && port_.held() == 0);
    // Whoever discards answers nothing.
    for (const Pending& pending : pending_) PSSST_ASSERT(kHandlers[pending.service] == "discard");
    pending_.clear();
  }

 private:
  static std::unique_ptr<Client> make_client(const PrivateKey& server, const PrivateKey* own,
                                             const KeyUse& use) {
    std::string error;
    auto client = Client::create(server.public_key(), own, &error, use);
    PSSST_ASSERT(client != nullptr);
    return client;
  }

  void check_sent() {
    for (const FramePort::Sent& sent : port_.take_sent()) {
      PSSST_ASSERT(equal_at(sent.frame, 6, kOurMac));
      net::MacAddress mac{};
      std::copy_n(sent.question.begin() + 6, mac.size(), mac.begin());
      if (sent.is_reply) {
        check_reply(sent, mac);
      } else {
        // Whoever hears it has nothing to answer.
        const net::FrameFilter peer =
            make_filter(mac, {net::mapped(kPeerIp), kPeerIp6}, kPeerUdpPort);
        PSSST_ASSERT(net::parse_frame(sent.frame, peer).verdict != net::FrameVerdict::kQuestion);
      }
    }
  }

  void check_reply(const FramePort::Sent& sent, const net::MacAddress& mac) {
    const net::ParsedFrame asked = net::parse_frame(sent.question, port_.filter());
    PSSST_ASSERT(asked.verdict == net::FrameVerdict::kDatagram);
    const auto udp_at = static_cast<std::size_t>(asked.payload.data() - sent.question.data()) - 8;
    net::FrameFilter peer = make_filter(mac, {asked.source()}, get16(sent.question, udp_at));
    peer.vlans.set();
    const net::ParsedFrame parsed = net::parse_frame(sent.frame, peer);
    PSSST_ASSERT(parsed.verdict == net::FrameVerdict::kDatagram);
    PSSST_ASSERT(parsed.source() == asked.destination());
    PSSST_ASSERT(sent.frame.size() <= 18u + port_.filter().mtu);
    const auto pending = std::ranges::find(pending_, sent.question, &Pending::frame);
    if (pending == pending_.end()) return;
    Bytes message(parsed.payload.size());
    const Client::Opened opened = pending->client->open(parsed.payload, pending->request, message);
    PSSST_ASSERT(opened.fault == ReplyFault::kNone);
    message.resize(opened.size);
    PSSST_ASSERT(message == (kHandlers[pending->service] == "echo" ? pending->message : Bytes{}));
    pending_.erase(pending);
  }

  static bool equal_at(const Bytes& frame, std::size_t at, const net::MacAddress& mac) {
    return frame.size() >= at + mac.size() &&
           std::equal(mac.begin(), mac.end(), frame.begin() + static_cast<std::ptrdiff_t>(at));
  }

  const PrivateKey keys_[3] = {PrivateKey::generate(), PrivateKey::generate(),
                               PrivateKey::generate()};
  const PrivateKey f002_keys_[3] = {PrivateKey::generate(), PrivateKey::generate(),
                                    PrivateKey::generate()};
  const PrivateKey enrolled_ = PrivateKey::generate();
  std::unique_ptr<Client> clients_[3][2][2];  ///< by service, whether enrolled, suite
  FramePort port_{make_port_filter(), 16};
  std::unique_ptr<server::Published<server::Snapshot>> snapshots_;
  std::unique_ptr<server::Worker<FramePort>> worker_;
  std::vector<Pending> pending_;
};

/// Takes an input apart.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  Bytes bytes(std::size_t size) {
    const auto taken = bytes_.first(std::min(size, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return {taken.begin(), taken.end()};
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// Most mutations would end at a checksum otherwise.
void fix_checksums(Bytes& frame) {
  const bool is_tagged = frame.size() >= 18 && get16(frame, 12) == 0x8100;
  const std::size_t ip_at = is_tagged ? 18 : 14;
  if (frame.size() < ip_at + 28) return;
  Bytes plain = frame;
  if (is_tagged) plain.erase(plain.begin() + 12, plain.begin() + 16);
  if (get16(plain, 12) == 0x0800) {
    fix_ip_checksum(plain);
    const std::size_t length = get16(plain, 16);
    if (plain[23] == 17 && length >= 28 && length <= plain.size() - 14) fix_udp_checksum(plain);
  } else if (get16(plain, 12) == 0x86dd && plain.size() >= 14 + 40 + 8) {
    const std::size_t length = get16(plain, 18);
    const bool is_whole = length >= 8 && length <= plain.size() - 54;
    if (is_whole && plain[20] == 17) fix_ipv6_checksum(plain, 6);
    if (is_whole && plain[20] == 58) fix_ipv6_checksum(plain, 2);
  }
  std::copy(plain.begin() + 12, plain.end(),
            frame.begin() + static_cast<std::ptrdiff_t>(is_tagged ? 16 : 12));
}

void run(World& world, Input input) {
  constexpr int kOperationsMax = 64;  // fewer than any queue holds
  for (int i = 0; i < kOperationsMax && !input.empty(); ++i) {
    const std::uint8_t operation = input.byte();
    switch (operation & 3) {
      case 0: {
        const std::size_t size = input.byte() * 256u + input.byte();
        Bytes frame = input.bytes(std::min<std::size_t>(size, FramePort::kBufferSize));
        if ((operation & 4) != 0) fix_checksums(frame);
        world.port().arrive(std::move(frame));
        break;
      }
      case 1: {
        const std::uint8_t options = input.byte();
        Bytes frame = world.seal(options, input.byte() * 5u);
        if ((operation & 4) != 0) {
          const std::size_t at = input.byte() % frame.size();
          frame[at] = input.byte();
          if ((operation & 8) != 0) fix_checksums(frame);
          world.forget();
        }
        world.port().arrive(std::move(frame));
        break;
      }
      case 2:
        world.poll();
        break;
      default:
        world.drain();
        break;
    }
  }
  world.finish();
}

}  // namespace
}  // namespace pssst::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static pssst::fuzz::World world;
  pssst::fuzz::run(world, pssst::fuzz::Input({data, size}));
  return 0;
}
