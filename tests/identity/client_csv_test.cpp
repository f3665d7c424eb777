#include <gtest/gtest.h>

#include "identity/client_text_testing.hpp"

namespace pssst::identity {
namespace {

class ClientCsv : public testing::Test {
 protected:
  [[nodiscard]] ClientUpdate parsed(const std::string& line) const {
    const auto update = parser_.parse(line);
    EXPECT_TRUE(update) << line << ": " << (update ? "" : update.error().to_string());
    return update && *update ? **update : ClientUpdate{};
  }
  /// What is wrong with the line.
  [[nodiscard]] std::string fault(const std::string& line) const {
    const auto update = parser_.parse(line);
    if (update) return "nothing";
    EXPECT_FALSE(update.error().remedy.empty()) << line;
    return update.error().what;
  }
  bool header(const std::string& line) { return parser_.take_header(line).value(); }

  ClientLineParser parser_{ClientFormat::kCsv};
  const std::string key_ = key_text();
};

TEST_F(ClientCsv, SplitsLines) {
  using Fields = std::vector<std::string>;
  const std::pair<std::string, Fields> cases[] = {
      {"", {""}},
      {",", {"", ""}},
      {"a,b", {"a", "b"}},
      {R"("a,b",c)", {"a,b", "c"}},
      {R"("a""b","")", {"a\"b", ""}},
      {"a b, c", {"a b", " c"}},
  };
  for (const auto& [line, fields] : cases) EXPECT_EQ(split_csv(line).value(), fields) << line;
  for (const char* line : {R"("a)", R"("a"b")", R"(a"b)", R"(a,")", R"("a"")", R"(""")"}) {
    EXPECT_FALSE(split_csv(line)) << line;
  }
}

TEST_F(ClientCsv, AKeyAloneSetsNothingElse) {
  for (const std::string& line : {key_, key_ + "\r", " " + key_ + " "}) {
    const ClientUpdate update = parsed(line);
    EXPECT_EQ(base::to_hex(update.key), key_);
    EXPECT_FALSE(update.name || update.tags || update.not_before || update.not_after ||
                 update.metadata || update.revoked);
  }
}

TEST_F(ClientCsv, AllFields) {
  const ClientUpdate update =
      parsed(key_ + ",\"meter 7, hall\",b a,2026-01-31,2026-02-01T00:00:00Z,00ff,revoked");
  EXPECT_EQ(update.name, "meter 7, hall");
  EXPECT_EQ(update.tags, "a b");
  EXPECT_EQ(format_client_time(update.not_before.value()), "2026-01-31T00:00:00Z");
  EXPECT_EQ(format_client_time(update.not_after.value()), "2026-02-01T00:00:00Z");
  EXPECT_EQ(update.metadata, (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(update.revoked, true);
}

TEST_F(ClientCsv, EmptyFieldsAreSetButTheState) {
  const ClientUpdate update = parsed(key_ + ",,,,,,");
  EXPECT_EQ(update.name, "");
  EXPECT_EQ(update.tags, "");
  EXPECT_EQ(update.not_before, Enrolment::kAlways);
  EXPECT_EQ(update.not_after, Enrolment::kForever);
  EXPECT_EQ(update.metadata, std::vector<std::uint8_t>());
  EXPECT_FALSE(update.revoked);
}

TEST_F(ClientCsv, BlankLinesAndCommentsHaveNoClient) {
  for (const char* line : {"", " ", "\t\r", "# a comment, with \"", "  #"}) {
    EXPECT_FALSE(parser_.parse(line).value()) << line;
    EXPECT_TRUE(ClientLineParser::is_blank(ClientFormat::kCsv, line));
  }
  EXPECT_FALSE(ClientLineParser::is_blank(ClientFormat::kJson, "# a comment"));
}

TEST_F(ClientCsv, AHeaderNamesTheColumns) {
  EXPECT_FALSE(header(key_ + ",n"));
  EXPECT_FALSE(header("\"bad"));
  EXPECT_TRUE(header("name,\"key\"\r"));
  const ClientUpdate update = parsed("n," + key_);
  EXPECT_EQ(base::to_hex(update.key), key_);
  EXPECT_EQ(update.name, "n");
  EXPECT_FALSE(update.tags);
  EXPECT_EQ(fault("n"), "1 fields, and not 2");
  EXPECT_EQ(fault("n," + key_ + ",x"), "3 fields, and not 2");
  EXPECT_TRUE(header(client_csv_header().substr(0, client_csv_header().size() - 1)));
  EXPECT_FALSE(ClientLineParser(ClientFormat::kJson).take_header("key").value());
}

TEST_F(ClientCsv, AHeaderThatNamesSomethingElseIsRefused) {
  EXPECT_EQ(parser_.take_header("key,colour\x1b").error().what, "there is no column 'colour?'");
  EXPECT_EQ(parser_.take_header("key,key").error().what, "column key stands twice");
}

TEST_F(ClientCsv, SaysWhatIsWrong) {
  for (const BadKey& bad : bad_keys()) {
    EXPECT_EQ(fault(bad.digits + ",n").substr(0, bad.what.size()), bad.what) << bad.digits;
  }
  const std::pair<std::string, std::string> cases[] = {
      {",,,,,,,", "8 fields, and not 7"},
      {",\"n", "a quotation mark that is not closed on its line"},
      {",\"n\"x", "something behind a closing quotation mark"},
      {",n\"", "a quotation mark within a field that is not quoted"},
      {",\x01", "a control character in the name"},
      {",\xff", "the name is not UTF-8"},
      {",n ", "the name begins or ends with a space"},
      {"," + std::string(129, 'n'), "a name of 129 bytes"},
      {",,a;b", "a tag with something else than letters, digits and ._:=@/+-"},
      {",,,now", "not-before is no time"},
      {",,,,2026-02-30", "not-after is no time"},
      {",,,2026-02-02,2026-02-01", "it ends (not-after) before it begins (not-before)"},
      {",,,,,0", "metadata that are not pairs of hexadecimal digits"},
      {",,,,," + std::string(130, '0'), "metadata of more than 64 bytes"},
      {",,,,,,gone", "an unknown state"},
      {"," + std::string(9000, 'x'), "a line of more than 8192 bytes"},
  };
  for (const auto& [rest, what] : cases) EXPECT_EQ(fault(key_ + rest), what) << rest;
}

TEST_F(ClientCsv, IsReadAsItIsWritten) {
  const ClientUpdate first = parsed(key_);
  const ClientRecord records[] = {
      {.key = first.key},
      {.key = first.key,
       .name = "a \"b\", c",
       .tags = "eu x",
       .not_before = 0,
       .not_after = 4'291'747'199,
       .metadata = std::vector<std::uint8_t>(64, 7),
       .revoked = true},
  };
  for (const ClientRecord& record : records) {
    std::string line;
    append_client_csv(line, record);
    ASSERT_TRUE(line.ends_with('\n'));
    line.pop_back();
    EXPECT_TRUE(same_fields(parsed(line), record)) << line;
  }
}

TEST(QuoteForError, IsShortAndPlain) {
  EXPECT_EQ(quote_for_error("a\x1b[0m\xff"), "'a?[0m?'");
  EXPECT_EQ(quote_for_error(std::string(50, 'x')), "'" + std::string(40, 'x') + "...'");
}

}  // namespace
}  // namespace pssst::identity
