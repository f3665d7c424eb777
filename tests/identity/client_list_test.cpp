#include "identity/client_list.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/hex.hpp"
#include "identity/temporary_folder.hpp"
#include "pssst/keys.hpp"

namespace pssst::identity {
namespace {

std::string fresh_key() {
  return base::to_hex(PrivateKey::generate().public_key());
}

/// The first u that check_public_key() faults so.
std::string key_with(PublicKeyFault fault) {
  for (std::uint8_t u = 2; u != 0; ++u) {
    PublicKey key{};
    key[0] = u;
    if (check_public_key(key) == fault) return base::to_hex(key);
  }
  ADD_FAILURE() << "no such key";
  return {};
}

TEST(ClientList, ReadsKeysInOrderBetweenCommentsAndBlankLines) {
  const TemporaryFolder folder;
  const std::string a = fresh_key();
  const std::string b = fresh_key();
  const std::string c = fresh_key();
  const auto list = read_client_list(folder.write(
      "clients", "# the fleet\n\n" + a + "\n  \t\r\n\t" + b + "  # kitchen\r\n#" + a + "\n" + c));
  ASSERT_TRUE(list) << list.error().to_string();
  ASSERT_EQ(list->size(), 3U);
  EXPECT_EQ(base::to_hex((*list)[0].public_key), a);
  EXPECT_EQ(base::to_hex((*list)[1].public_key), b);
  EXPECT_EQ(base::to_hex((*list)[2].public_key), c);
}

TEST(ClientList, AnEmptyFileEnrolsNobody) {
  const TemporaryFolder folder;
  const auto list = read_client_list(folder.write("clients", ""));
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->empty());
}

TEST(ClientList, ReportsEveryBadLineByNumber) {
  const TemporaryFolder folder;
  const std::string good = fresh_key();
  std::string upper = good;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const std::string path = folder.write("clients", good + "\n" +                               // 1
                                                       good.substr(2) + "\n" +                 // 2
                                                       good + "00\n" +                         // 3
                                                       good.substr(0, 63) + "z\n" +            // 4
                                                       "# fine\n" +                            // 5
                                                       std::string(64, '0') + "\n" +           // 6
                                                       std::string(64, 'f') + "\n" +           // 7
                                                       key_with(PublicKeyFault::kOnTwist) +    //
                                                       "\n" +                                  // 8
                                                       "09" + std::string(62, '0') + "\n" +    // 9
                                                       upper + " # twice\n" +                  // 10
                                                       fresh_key() + " " + fresh_key() + "\n"  // 11
  );
  const auto list = read_client_list(path);
  ASSERT_FALSE(list);
  const auto unusable = [](PublicKeyFault fault) {
    return "not a usable public key: " + std::string(to_string(fault));
  };
  EXPECT_EQ(list.error().where, path);
  EXPECT_EQ(list.error().what,
            "9 bad lines: "
            "line 2: not 64 hexadecimal digits but 62 characters; "
            "line 3: not 64 hexadecimal digits but 66 characters; "
            "line 4: not 64 hexadecimal digits; "
            "line 6: " +
                unusable(PublicKeyFault::kSmallOrder) +
                "; "
                "line 7: " +
                unusable(PublicKeyFault::kNotCanonical) +
                "; "
                "line 8: " +
                unusable(PublicKeyFault::kOnTwist) +
                "; "
                "line 9: " +
                unusable(PublicKeyFault::kBasePoint) +
                "; "
                "line 10: the key of line 1 again; "
                "line 11: not 64 hexadecimal digits but 129 characters");
  EXPECT_EQ(list.error().to_string().find('\n'), std::string::npos);
}

TEST(ClientList, AKeyWithATorsionComponentIsRefused) {
  const TemporaryFolder folder;
  const auto list =
      read_client_list(folder.write("clients", key_with(PublicKeyFault::kNotPrimeOrder) + "\n"));
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().what.find("1 bad line: line 1: not a usable public key"), 0U);
}

TEST(ClientList, NamesFilesThatCannotBeRead) {
  const TemporaryFolder folder;
  const auto missing = read_client_list(folder.path("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().where, folder.path("none"));
  EXPECT_EQ(missing.error().what, "cannot open the client list: No such file or directory");
  const auto directory = read_client_list(folder.path(""));
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().what.find("cannot "), 0U);
}

}  // namespace
}  // namespace pssst::identity
