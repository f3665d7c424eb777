#include "protocol/suite_f002_vectors.hpp"

#include <map>
#include <stdexcept>

#include "support/vectors.hpp"

namespace pssst::testing {
namespace {

using Json = nlohmann::json;
using test::bytes;

Bytes32 bytes32(const Json& hex) {
  return test::bytes_of_size<32>(hex);
}

std::string text(const Json& hex) {
  const Bytes decoded = bytes(hex);
  return {decoded.begin(), decoded.end()};
}

DropReason drop_for(const std::string& reason) {
  static const std::map<std::string, DropReason> reasons{
      {"short", DropReason::kTooShort},
      {"suite", DropReason::kSuite},
      {"reply flag", DropReason::kReplyFlag},
      {"reserved", DropReason::kReservedFlags},
      {"length", DropReason::kTooShortForSuite},
      {"kid", DropReason::kKeyId},
      {"enc not canonical", DropReason::kDhNotCanonical},
      {"small order", DropReason::kDhSmallOrder},
      {"tag", DropReason::kTag},
      {"box tag", DropReason::kTag},
      {"unknown client", DropReason::kClientUnknown},
      {"client tag", DropReason::kClientTag},
      {"mlen", DropReason::kMessageLength},
      {"padding", DropReason::kPadding}};
  return reasons.at(reason);
}

std::vector<ReplyFault> faults_for(const std::string& reason) {
  static const std::map<std::string, std::vector<ReplyFault>> faults{
      {"length", {ReplyFault::kTooShort}},
      {"header", {ReplyFault::kSuite, ReplyFault::kFlags}},
      {"rid", {ReplyFault::kReplyId}},
      {"reply tag", {ReplyFault::kTag}}};
  return faults.at(reason);
}

F002Positive positive(const Json& row) {
  F002Positive out{.server_private = bytes32(row.at("server_private")),
                   .server_public = bytes32(row.at("server_public")),
                   .label = text(row.at("label")),
                   .kid = bytes(row.at("kid")),
                   .ephemeral_private = bytes32(row.at("ephemeral_private")),
                   .enc = bytes(row.at("enc")),
                   .dh = bytes32(row.at("dh")),
                   .info = bytes(row.at("info")),
                   .hpke_key = bytes(row.at("hpke_key")),
                   .hpke_nonce = bytes(row.at("hpke_nonce")),
                   .message = bytes(row.at("message")),
                   .client = {},
                   .request = bytes(row.at("request")),
                   .export_reply = {},
                   .reply_secret = bytes32(row.at("reply_secret")),
                   .rid = bytes(row.at("rid")),
                   .snonce = bytes(row.at("snonce")),
                   .reply_key = bytes(row.at("reply_key")),
                   .reply_nonce = bytes(row.at("reply_nonce")),
                   .reply_message = bytes(row.at("reply_message")),
                   .reply = bytes(row.at("reply"))};
  if (bytes(row.at("client_public")).empty()) {
    out.export_reply = bytes(row.at("export_reply"));
    return out;
  }
  out.client = {.public_key = bytes32(row.at("client_public")),
                .private_key = bytes32(row.at("client_private")),
                .static_secret = bytes32(row.at("client_server_secret")),
                .exported = bytes(row.at("export_client")),
                .prk = bytes32(row.at("client_prk")),
                .key = bytes(row.at("client_key")),
                .nonce = bytes(row.at("client_nonce"))};
  return out;
}

F002Vectors read_vectors() {
  const Json rows = test::load_test_vectors("suite_f002.json");
  F002Vectors out;
  for (const Json& row : rows.at("positive")) out.positive.push_back(positive(row));
  for (const Json& row : rows.at("negative_requests")) {
    out.negative_requests.push_back({.name = row.at("name"),
                                     .request = bytes(row.at("request")),
                                     .label = text(row.at("label")),
                                     .drop = drop_for(row.at("reason"))});
  }
  for (const Json& row : rows.at("negative_replies")) {
    out.negative_replies.push_back({.name = row.at("name"),
                                    .reply = bytes(row.at("reply")),
                                    .faults = faults_for(row.at("reason"))});
  }
  const Json& negative = rows.at("negative_context");
  out.negative_server_private = bytes32(negative.at("server_private"));
  for (const Json& key : negative.at("enrolled")) out.negative_enrolled.push_back(bytes32(key));
  const Json& reply = rows.at("reply_context");
  out.reply_context.request = bytes(reply.at("request"));
  out.reply_context.reply_secret = bytes32(reply.at("reply_secret"));
  out.reply_context.rid = bytes(reply.at("rid"));
  out.reply_context.good_reply = bytes(reply.at("good_reply"));
  out.reply_context.message = bytes(reply.at("message"));
  return out;
}

}  // namespace

const F002Vectors& f002_vectors() {
  static const F002Vectors vectors = read_vectors();
  return vectors;
}

}  // namespace pssst::testing
