#include "client/udp_client.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace pssst::client {
namespace {

using Clock = std::chrono::steady_clock;
using Event = ConnectedSocket::Event;

/// What UDP can carry, in bytes: other servers may reply with more than ours do.
constexpr std::size_t kReceiveSizeMax = 65535;

struct Connection {
  ConnectedSocket socket;
  std::size_t endpoint;
};

/// The first endpoint, from `first` on and around, that the kernel has a route to; else the error
/// of the one tried last.
base::Result<Connection> connect_from(const std::vector<Endpoint>& endpoints, std::size_t first) {
  base::Error error;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const std::size_t endpoint = (first + i) % endpoints.size();
    auto socket = ConnectedSocket::connect(endpoints[endpoint]);
    if (socket) return Connection{std::move(*socket), endpoint};
    error = std::move(socket.error());
  }
  return tl::unexpected(std::move(error));
}

}  // namespace

struct UdpClient::Call {
  std::span<const std::uint8_t> message;
  std::size_t padding_size = 0;
  std::vector<PendingRequest> pending;
  std::size_t unreachable = 0;  ///< ICMP errors in this try
  CallReport report;
};

base::Result<UdpClient> UdpClient::create(const std::string& host, std::uint16_t port,
                                          AddressFamily family, const PublicKey& server,
                                          const PrivateKey* key, const KeyUse& use) {
  auto endpoints = resolve(host, port, family);
  if (!endpoints) return tl::unexpected(std::move(endpoints.error()));
  return create(std::move(*endpoints), server, key, use);
}

base::Result<UdpClient> UdpClient::create(std::vector<Endpoint> endpoints, const PublicKey& server,
                                          const PrivateKey* key, const KeyUse& use) {
  PSSST_ASSERT(!endpoints.empty());
  std::string error;
  auto client = Client::create(server, key, &error, use);
  if (client == nullptr) return base::fail(std::move(error));
  auto connection = connect_from(endpoints, 0);
  if (!connection) return tl::unexpected(std::move(connection.error()));
  return UdpClient(std::move(client), std::move(endpoints), std::move(connection->socket),
                   connection->endpoint);
}

UdpClient::UdpClient(std::unique_ptr<Client> client, std::vector<Endpoint> endpoints,
                     ConnectedSocket socket, std::size_t endpoint)
    : client_(std::move(client)),
      endpoints_(std::move(endpoints)),
      socket_(std::move(socket)),
      endpoint_(endpoint),
      datagram_(kReceiveSizeMax),
      message_(kReceiveSizeMax) {}

std::size_t UdpClient::message_size_max() const noexcept {
  return kDatagramSizeMax - client_->overhead_size();
}

std::string UdpClient::address() const {
  return endpoints_[endpoint_].to_string();
}

base::Result<CallReport> UdpClient::call(std::span<const std::uint8_t> message,
                                         const CallOptions& options) {
  PSSST_ASSERT(options.tries > 0 && options.timeout.count() > 0);
  Call call{.message = message, .padding_size = options.padding_size, .pending = {}, .report = {}};
  const auto start = Clock::now();
  bool answered = false;
  while (!answered && call.report.tries < options.tries) {
    ++call.report.tries;
    const auto result = run_try(call, Clock::now() + options.timeout);
    if (!result) return tl::unexpected(result.error());
    answered = *result;
  }
  call.report.elapsed = Clock::now() - start;
  return std::move(call.report);
}

base::Result<void> UdpClient::send(std::span<const std::uint8_t> message,
                                   std::size_t padding_size) {
  Call call{.message = message, .padding_size = padding_size, .pending = {}, .report = {}};
  return send_fresh(call);
}

base::Result<void> UdpClient::send_fresh(Call& call) {
  const std::size_t wanted = call.message.size() + call.padding_size;
  if (wanted > message_size_max()) {
    return base::fail("the message has " + std::to_string(wanted) + " bytes" +
                          (call.padding_size > 0 ? " with its padding" : "") +
                          ", but a datagram holds at most " + std::to_string(message_size_max()),
                      {}, "send less, or in several calls");
  }
  const std::size_t size =
      client_->seal(call.message, datagram_, call.pending.emplace_back(), call.padding_size);
  PSSST_ASSERT(size > 0);
  const auto sent = socket_.send(std::span(datagram_).first(size));
  if (!sent) {
    base::Error error = sent.error();
    error.where = address();
    return tl::unexpected(std::move(error));
  }
  if (sent->event == Event::kUnreachable) {
    call.report.unreachable_errno = sent->error_number;
    return try_next_address(call);
  }
  return {};
}

base::Result<void> UdpClient::try_next_address(Call& call) {
  ++call.unreachable;
  if (call.unreachable >= endpoints_.size()) return {};
  auto connection = connect_from(endpoints_, endpoint_ + 1);
  if (!connection) return tl::unexpected(std::move(connection.error()));
  socket_ = std::move(connection->socket);
  endpoint_ = connection->endpoint;
  return send_fresh(call);
}

base::Result<bool> UdpClient::run_try(Call& call, ConnectedSocket::TimePoint deadline) {
  call.unreachable = 0;
  if (auto sent = send_fresh(call); !sent) return tl::unexpected(std::move(sent.error()));
  // The clock is looked at after every datagram: a flood of bad ones must not keep the try alive.
  do {
    const auto received = socket_.receive(datagram_, deadline);
    if (!received) return tl::unexpected(received.error());
    switch (received->event) {
      case Event::kDeadline:
        return false;
      case Event::kDatagram:
        if (open_reply(call, received->size)) return true;
        break;
      case Event::kUnreachable:
        call.report.unreachable_errno = received->error_number;
        if (auto sent = try_next_address(call); !sent) {
          return tl::unexpected(std::move(sent.error()));
        }
        break;
    }
  } while (Clock::now() < deadline);
  return false;
}

bool UdpClient::open_reply(Call& call, std::size_t size) {
  const auto reply = std::span<const std::uint8_t>(datagram_).first(size);
  ReplyFault fault = ReplyFault::kNone;
  // Newest first: it is the likeliest. Only dh or rid tells the requests of a call apart.
  for (auto pending = call.pending.rbegin(); pending != call.pending.rend(); ++pending) {
    const Client::Opened opened = client_->open(reply, *pending, message_);
    if (opened.fault == ReplyFault::kNone) {
      call.report.reply.emplace(message_.begin(),
                                message_.begin() + static_cast<std::ptrdiff_t>(opened.size));
      return true;
    }
    fault = opened.fault;
    if (fault != ReplyFault::kDh && fault != ReplyFault::kReplyId) break;
  }
  ++call.report.bad_replies;
  call.report.last_fault = fault;
  return false;
}

}  // namespace pssst::client
