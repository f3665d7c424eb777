#include "protocol/suite1_vectors.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/hex.hpp"

namespace pssst::testing {
namespace {

using Json = nlohmann::json;

Json read_json(std::string_view name) {
  const char* folder = std::getenv("PSSST_TEST_VECTORS");
  if (folder == nullptr) throw std::runtime_error("set PSSST_TEST_VECTORS to tests/vectors");
  std::ifstream file(std::string(folder) + "/" + std::string(name));
  if (!file) throw std::runtime_error("cannot read " + std::string(name));
  return Json::parse(file);
}

DropReason drop_reason(const std::string& name) {
  const auto* found = std::ranges::find(kDropReasons, name, &DropReasonInfo::name);
  if (found == kDropReasons.end()) throw std::runtime_error("no drop reason " + name);
  return static_cast<DropReason>(found - kDropReasons.begin());
}

ReplyFault reply_fault(const std::string& name) {
  if (name == "too_short") return ReplyFault::kTooShort;
  if (name == "suite") return ReplyFault::kSuite;
  if (name == "flags") return ReplyFault::kFlags;
  if (name == "dh") return ReplyFault::kDh;
  if (name == "tag") return ReplyFault::kTag;
  throw std::runtime_error("no reply fault " + name);
}

Bytes bytes(const Json& value) {
  return unhex(value.get<std::string>());
}
Bytes32 bytes32(const Json& value) {
  return unhex32(value.get<std::string>());
}

template <class Read>
auto optional(const Json& value, Read&& read) -> std::optional<decltype(read(value))> {
  if (value.is_null()) return std::nullopt;
  return read(value);
}

NegativeRequest negative_request(const Json& row, const Json& judgement) {
  NegativeRequest out{.id = row.at("id"),
                      .expected_class = row.at("expected"),
                      .server_private = bytes32(row.at("server_private")),
                      .request = bytes(row.at("request")),
                      .drop = drop_reason(judgement.at("drop")),
                      .if_enrolled = {}};
  if (judgement.contains("if_enrolled")) {
    const Json& enrolled = judgement.at("if_enrolled");
    out.if_enrolled = {.client = bytes32(enrolled.at("client")),
                       .drop = drop_reason(enrolled.at("drop"))};
  }
  return out;
}

Suite1Vectors read_vectors() {
  const Json rows = read_json("suite1.json");
  const Json judgements = read_json("suite1_drop_reasons.json");
  Suite1Vectors out;
  for (const Json& row : rows.at("positive")) {
    out.positive.push_back({.id = row.at("id"),
                            .server_private = bytes32(row.at("server_private")),
                            .server_public = bytes32(row.at("server_public")),
                            .client_private = optional(row.at("client_private"), bytes32),
                            .request = bytes(row.at("request")),
                            .plaintext = bytes(row.at("plaintext")),
                            .client_public = optional(row.at("client_public"), bytes32),
                            .reply_plaintext = optional(row.at("reply_plaintext"), bytes),
                            .reply = optional(row.at("reply"), bytes)});
  }
  for (const Json& row : rows.at("negative_requests")) {
    const std::string id = row.at("id");
    out.negative_requests.push_back(negative_request(row, judgements.at("requests").at(id)));
  }
  for (const Json& row : rows.at("negative_replies")) {
    const std::string id = row.at("id");
    out.negative_replies.push_back(
        {.id = id,
         .server_private = bytes32(row.at("server_private")),
         .for_request = bytes(row.at("for_request")),
         .reply = bytes(row.at("reply")),
         .fault = reply_fault(judgements.at("replies").at(id).at("fault"))});
  }
  return out;
}

}  // namespace

const Suite1Vectors& suite1_vectors() {
  static const Suite1Vectors vectors = read_vectors();
  return vectors;
}

std::vector<PublicKey> enrolled_clients() {
  std::vector<PublicKey> keys;
  for (const PositiveVector& row : suite1_vectors().positive) {
    if (row.client_public) keys.push_back(*row.client_public);
  }
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

Bytes unhex(std::string_view hex) {
  auto bytes = base::from_hex(hex);
  if (!bytes) throw std::runtime_error("not hexadecimal");
  return *bytes;
}

Bytes32 unhex32(std::string_view hex) {
  Bytes32 bytes{};
  if (!base::from_hex(hex, bytes)) throw std::runtime_error("not 64 hexadecimal digits");
  return bytes;
}

}  // namespace pssst::testing
