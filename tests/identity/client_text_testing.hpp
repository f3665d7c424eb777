/// What the tests of clients as text share.
#pragma once

#include <string>
#include <vector>

#include "base/hex.hpp"
#include "identity/client_text.hpp"
#include "pssst/keys.hpp"

namespace pssst::identity {

/// The public key of somebody.
inline const std::string& key_text() {
  static const std::string text = base::to_hex(PrivateKey::generate().public_key());
  return text;
}

/// Why a key of these digits is refused.
struct BadKey {
  std::string digits;
  std::string what;
};
inline std::vector<BadKey> bad_keys() {
  const auto repeated = [](const std::string& first, char rest) {
    return first + std::string(64 - first.size(), rest);
  };
  std::string top_bit = key_text();
  top_bit[62] = top_bit[62] < '8' ? static_cast<char>("89abcdef"[top_bit[62] - '0']) : 'f';
  return {
      {"", "no key, but nothing"},
      {key_text().substr(1), "not 64 hexadecimal digits but 63 characters"},
      {key_text() + "00", "not 64 hexadecimal digits but 66 characters"},
      {repeated("g", '0'), "not 64 hexadecimal digits"},
      {"f002:" + key_text(), "a server's key of suite 0xF002 (f002:), and no client's"},
      {top_bit, "not a usable public key: the key is not a canonical encoding"},
      {repeated("", 'f'), "not a usable public key: the key is not a canonical encoding"},
      {repeated("", '0'), "not a usable public key: the key is a point of small order"},
      {repeated("02", '0'), "not a usable public key: the key is not a point of the curve"},
      {repeated("09", '0'), "not a usable public key: the key is the base point"},
      // 1/9: the point of order 2 added to the base point.
      {"12c7711cc7711cc7711cc7711cc7711cc7711cc7711cc7711cc7711cc7711c47",
       "not a usable public key: the key has a small-order component"},
  };
}

inline bool same_fields(const ClientUpdate& update, const ClientRecord& record) {
  return update.key == record.key && update.name == record.name && update.tags == record.tags &&
         update.not_before == record.not_before && update.not_after == record.not_after &&
         update.metadata == record.metadata && update.revoked == record.revoked;
}

}  // namespace pssst::identity
