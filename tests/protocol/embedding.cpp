// A program that knows only the public headers and the library: one server, one client, one call.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "pssst/client.hpp"
#include "pssst/server.hpp"

namespace {

class OneClient final : public pssst::ClientLookup {
 public:
  explicit OneClient(const pssst::PublicKey& key) : identity_{key} {}
  void find(std::span<const std::uint8_t* const> keys,
            std::span<pssst::FoundClient> found) const noexcept override {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const bool same =
          std::equal(identity_.public_key.begin(), identity_.public_key.end(), keys[i]);
      found[i] =
          same ? pssst::FoundClient{pssst::DropReason::kNone, identity_} : pssst::FoundClient{};
    }
  }

 private:
  pssst::Identity identity_;
};

int fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

}  // namespace

int main() {
  const pssst::ServerKey server_key(pssst::PrivateKey::generate());
  const pssst::PrivateKey client_key = pssst::PrivateKey::generate();
  const OneClient clients(client_key.public_key());
  std::string error;
  const auto server =
      pssst::SingleServer::create(server_key, &clients, pssst::ClientPolicy::kRequired, &error);
  if (server == nullptr) return fail(error);
  const auto client = pssst::Client::create(server_key.public_key(), &client_key, &error);
  if (client == nullptr) return fail(error);

  const std::string_view text = "psst";
  std::array<std::uint8_t, 4> message{};
  std::copy(text.begin(), text.end(), message.begin());
  std::array<std::uint8_t, pssst::kDatagramSizeMax> datagram{};
  pssst::PendingRequest pending;
  const std::size_t size = client->seal(message, datagram, pending);

  const auto opened = server->open(std::span(datagram).first(size));
  if (opened.drop != pssst::DropReason::kNone) return fail(std::string(to_string(opened.drop)));
  if (opened.client == nullptr) return fail("the client is not known");
  const auto reply = server->reply(opened.message);

  std::array<std::uint8_t, pssst::kReplySizeMax> answer{};
  const auto got = client->open(reply, pending, answer);
  if (got.fault != pssst::ReplyFault::kNone) return fail(std::string(to_string(got.fault)));
  if (!std::equal(message.begin(), message.end(), answer.begin(), answer.begin() + got.size)) {
    return fail("the reply is not the message");
  }
  return 0;
}
