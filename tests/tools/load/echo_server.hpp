/// A server of one key in memory, and what a load needs to talk to it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/datagram.hpp"
#include "protocol/request_maker.hpp"
#include "pssst/server.hpp"

namespace pssst::tools::load::test {

using Bytes = std::vector<std::uint8_t>;

class EchoServer {
 public:
  /// `client_keys` are enrolled.
  explicit EchoServer(std::span<const PrivateKey> client_keys = {}) : enrolled_(client_keys) {
    std::string error;
    server_ = SingleServer::create(key_, &enrolled_, ClientPolicy::kOptional, &error);
    if (server_ == nullptr) throw std::runtime_error(error);
  }

  [[nodiscard]] const PublicKey& public_key() const { return key_.public_key(); }
  [[nodiscard]] std::unique_ptr<protocol::RequestMaker> make_maker() const {
    auto maker = protocol::RequestMaker::create(key_.public_key(), {});
    if (!maker) throw std::runtime_error(maker.error().to_string());
    return std::move(*maker);
  }
  DropReason drop_of(std::span<const std::uint8_t> request) { return server_->open(request).drop; }
  /// Empty if the request is not accepted.
  Bytes reply(std::span<const std::uint8_t> request) {
    const auto opened = server_->open(request);
    if (opened.drop != DropReason::kNone) return {};
    const auto reply = server_->reply(opened.message);
    return {reply.begin(), reply.end()};
  }
  /// To an accepted request.
  Bytes reply(std::span<const std::uint8_t> request, std::span<const std::uint8_t> text) {
    if (server_->open(request).drop != DropReason::kNone) throw std::runtime_error("refused");
    const auto reply = server_->reply(text);
    return {reply.begin(), reply.end()};
  }

 private:
  class Enrolled final : public ClientLookup {
   public:
    explicit Enrolled(std::span<const PrivateKey> keys) {
      for (const PrivateKey& key : keys) {
        identities_[key.public_key()] = Identity{key.public_key()};
      }
    }
    void find(std::span<const std::uint8_t* const> keys,
              std::span<FoundClient> found) const noexcept override {
      for (std::size_t i = 0; i < keys.size(); ++i) {
        PublicKey key;
        std::copy_n(keys[i], key.size(), key.begin());
        const auto identity = identities_.find(key);
        found[i] = identity == identities_.end() ? FoundClient{}
                                                 : FoundClient{DropReason::kNone, identity->second};
      }
    }

   private:
    std::map<PublicKey, Identity> identities_;
  };

  const ServerKey key_{PrivateKey::generate()};
  Enrolled enrolled_;
  std::unique_ptr<SingleServer> server_;
};

[[nodiscard]] inline net::Datagram as_datagram(const Bytes& bytes) {
  return {.data = bytes.data(), .size = static_cast<std::uint16_t>(bytes.size())};
}

}  // namespace pssst::tools::load::test
