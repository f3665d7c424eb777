#include <gtest/gtest.h>

#include "identity/client_text_testing.hpp"

namespace pssst::identity {
namespace {

class ClientJson : public testing::Test {
 protected:
  /// An object with the key and `rest`.
  [[nodiscard]] std::string object(const std::string& rest = "") const {
    return R"({"key":")" + key_ + "\"" + rest + "}";
  }
  [[nodiscard]] ClientUpdate parsed(const std::string& line) const {
    const auto update = parser_.parse(line);
    EXPECT_TRUE(update) << line << ": " << (update ? "" : update.error().to_string());
    return update && *update ? **update : ClientUpdate{};
  }
  [[nodiscard]] std::string fault(const std::string& line) const {
    const auto update = parser_.parse(line);
    if (update) return "nothing";
    EXPECT_FALSE(update.error().remedy.empty()) << line;
    return update.error().what;
  }

  const ClientLineParser parser_{ClientFormat::kJson};
  const std::string key_ = key_text();
};

TEST_F(ClientJson, AKeyAloneSetsNothingElse) {
  const ClientUpdate update = parsed(" " + object() + " \r");
  EXPECT_EQ(base::to_hex(update.key), key_);
  EXPECT_FALSE(update.name || update.tags || update.not_before || update.not_after ||
               update.metadata || update.revoked);
  EXPECT_FALSE(parser_.parse(" ").value());
}

TEST_F(ClientJson, AllFields) {
  const ClientUpdate update = parsed(
      object(R"(,"name":"M\u00fcller","tags":["b","a"],"not_before":10,"not_after":"2026-02-01",)"
             R"("metadata":"00ff","state":"revoked")"));
  EXPECT_EQ(update.name, "Müller");
  EXPECT_EQ(update.tags, "a b");
  EXPECT_EQ(update.not_before, 10);
  EXPECT_EQ(format_client_time(update.not_after.value()), "2026-02-01T23:59:59Z");
  EXPECT_EQ(update.metadata, (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(update.revoked, true);
}

TEST_F(ClientJson, NullSetsNothingness) {
  const ClientUpdate update =
      parsed(object(R"(,"name":null,"tags":null,"not_before":null,"metadata":null,"state":null)"));
  EXPECT_EQ(update.name, "");
  EXPECT_EQ(update.tags, "");
  EXPECT_EQ(update.not_before, Enrolment::kAlways);
  EXPECT_FALSE(update.not_after);
  EXPECT_EQ(update.metadata, std::vector<std::uint8_t>());
  EXPECT_FALSE(update.revoked);
  EXPECT_EQ(parsed(object(R"(,"tags":[])")).tags, "");
}

TEST_F(ClientJson, SaysWhatIsWrong) {
  for (const BadKey& bad : bad_keys()) {
    EXPECT_EQ(fault(R"({"key":")" + bad.digits + "\"}").substr(0, bad.what.size()), bad.what);
  }
  const std::pair<std::string, std::string> cases[] = {
      {"{}", "no key"},
      {"[]", "no object, but something else"},
      {"7", "no object, but something else"},
      {"null", "no object, but something else"},
      {"\"x\"", "no object, but something else"},
      {"{", "not JSON from byte 2 on"},
      {object() + "x", "not JSON from byte " + std::to_string(object().size() + 1) + " on"},
      {object(",\"name\":\"\xff\""), "not JSON from byte 83 on"},
      {object(",\"a\x1b\":1"), "not JSON from byte 77 on"},
      {object(R"(,"colour":1)"), "there is no member 'colour'"},
      {object(R"(,"name":"a","name":"b")"), "member name stands twice"},
      {object(R"(,"name":1)"), "a value of a kind that name cannot have"},
      {object(R"(,"name":{"a":1})"), "a value of a kind that name cannot have"},
      {object(R"(,"name":["a"])"), "a value of a kind that name cannot have"},
      {object(R"(,"name":"a\nb")"), "a control character in the name"},
      {object(R"(,"tags":"a")"), "a value of a kind that tags cannot have"},
      {object(R"(,"tags":[1])"), "a value of a kind that tags cannot have"},
      {object(R"(,"tags":[null])"), "a value of a kind that tags cannot have"},
      {object(R"(,"tags":[["a"]])"), "a value of a kind that tags cannot have"},
      {object(R"(,"tags":["a b"])"), "a tag that is empty or has a space"},
      {object(R"(,"not_before":1.5)"), "a value of a kind that not_before cannot have"},
      {object(R"(,"not_before":true)"), "a value of a kind that not_before cannot have"},
      {object(R"(,"not_before":-1)"), "not-before is no time"},
      {object(R"(,"not_before":9,"not_after":8)"),
       "it ends (not-after) before it begins (not-before)"},
      {object(R"(,"metadata":"0")"), "metadata that are not pairs of hexadecimal digits"},
      {object(R"(,"state":"gone")"), "an unknown state"},
      {R"({"key":7})", "a value of a kind that key cannot have"},
      {R"({"key":null})", "no key, but nothing"},
      {std::string(5000, '['), "no object, but something else"},
      {object(R"(,"tags":)" + std::string(5000, '[')), "a value of a kind that tags cannot have"},
  };
  for (const auto& [line, what] : cases) EXPECT_EQ(fault(line), what) << line;
}

TEST_F(ClientJson, IsReadAsItIsWritten) {
  const ClientUpdate first = parsed(object());
  const ClientRecord records[] = {
      {.key = first.key},
      {.key = first.key,
       .name = "a \"b\\ ü",
       .tags = "eu x",
       .not_before = 0,
       .not_after = 4'291'747'199,
       .metadata = std::vector<std::uint8_t>(64, 7),
       .revoked = true},
  };
  for (const ClientRecord& record : records) {
    std::string line;
    append_client_json(line, record);
    ASSERT_TRUE(line.ends_with("}\n"));
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_TRUE(same_fields(parsed(line), record)) << line;
  }
}

TEST_F(ClientJson, WritesAlsoWhatNoParserLetIn) {
  std::string line;
  append_client_json(line, {.key = {}, .name = "\xff\n", .tags = "a"});
  EXPECT_NE(line.find("\"name\":\"\xef\xbf\xbd\\n\""), std::string::npos) << line;
}

}  // namespace
}  // namespace pssst::identity
