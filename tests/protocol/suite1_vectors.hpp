/// The vectors of tests/vectors/suite1.json and what becomes of its negative rows here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/x25519.hpp"
#include "pssst/client.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/keys.hpp"

namespace pssst::testing {

using Bytes = std::vector<std::uint8_t>;
using crypto::Bytes32;

struct PositiveVector {
  std::string id;
  Bytes32 server_private{};
  PublicKey server_public{};
  std::optional<Bytes32> client_private;
  Bytes request;
  Bytes plaintext;
  std::optional<PublicKey> client_public;
  std::optional<Bytes> reply_plaintext;
  std::optional<Bytes> reply;
};

struct NegativeRequest {
  std::string id;
  std::string expected_class;
  Bytes32 server_private{};
  Bytes request;
  DropReason drop = DropReason::kNone;
  struct IfEnrolled {
    PublicKey client{};
    DropReason drop = DropReason::kNone;
  };
  std::optional<IfEnrolled> if_enrolled;
};

struct NegativeReply {
  std::string id;
  Bytes32 server_private{};
  Bytes for_request;
  Bytes reply;
  ReplyFault fault = ReplyFault::kNone;
};

struct Suite1Vectors {
  std::vector<PositiveVector> positive;
  std::vector<NegativeRequest> negative_requests;
  std::vector<NegativeReply> negative_replies;
};

/// Read once from the folder PSSST_TEST_VECTORS; throws std::runtime_error if anything is amiss.
const Suite1Vectors& suite1_vectors();

/// The client keys of the positive rows, each once.
std::vector<PublicKey> enrolled_clients();

Bytes unhex(std::string_view hex);
Bytes32 unhex32(std::string_view hex);

}  // namespace pssst::testing
