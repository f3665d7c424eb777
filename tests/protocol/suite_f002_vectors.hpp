/// The vectors of tests/vectors/suite_f002.json.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/suite1_vectors.hpp"
#include "pssst/client.hpp"
#include "pssst/drop_reason.hpp"
#include "pssst/keys.hpp"

namespace pssst::testing {

struct F002Positive {
  Bytes32 server_private{};
  PublicKey server_public{};
  std::string label;
  Bytes kid;
  Bytes32 ephemeral_private{};
  Bytes enc;
  Bytes32 dh{};
  Bytes info;
  Bytes hpke_key;
  Bytes hpke_nonce;
  Bytes message;
  struct ClientSide {
    PublicKey public_key{};
    Bytes32 private_key{};
    Bytes32 static_secret{};
    Bytes exported;
    Bytes32 prk{};
    Bytes key;
    Bytes nonce;
  };
  std::optional<ClientSide> client;
  Bytes request;
  Bytes export_reply;  ///< rs || rid, of anonymous requests
  Bytes32 reply_secret{};
  Bytes rid;
  Bytes snonce;
  Bytes reply_key;
  Bytes reply_nonce;
  Bytes reply_message;
  Bytes reply;
};

struct F002NegativeRequest {
  std::string name;
  Bytes request;
  std::string label;
  DropReason drop = DropReason::kNone;
};

struct F002NegativeReply {
  std::string name;
  Bytes reply;
  std::vector<ReplyFault> faults;  ///< "header" may be either of two
};

struct F002Vectors {
  std::vector<F002Positive> positive;
  std::vector<F002NegativeRequest> negative_requests;
  std::vector<F002NegativeReply> negative_replies;
  Bytes32 negative_server_private{};
  std::vector<PublicKey> negative_enrolled;
  struct {
    Bytes request;
    Bytes32 reply_secret{};
    Bytes rid;
    Bytes good_reply;
    Bytes message;
  } reply_context;
};

/// Read once from the folder PSSST_TEST_VECTORS; throws std::runtime_error if anything is amiss.
const F002Vectors& f002_vectors();

}  // namespace pssst::testing
