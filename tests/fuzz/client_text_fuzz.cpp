// What somebody imports: a line is a client whose every field a store may have, or an error that
// says what is wrong and what to do; and what is written of a client is read as that client.
//
// Input: options 1 (bit 0: JSON) | lines.
#include <algorithm>
#include <string>

#include "base/assert.hpp"
#include "identity/client_text.hpp"

namespace pssst::identity {
namespace {

/// As Store::apply() makes it of an update, for a key that is new.
ClientRecord record_of(const ClientUpdate& update) {
  return {.key = update.key,
          .name = update.name.value_or(""),
          .tags = update.tags.value_or(""),
          .not_before = update.not_before.value_or(Enrolment::kAlways),
          .not_after = update.not_after.value_or(Enrolment::kForever),
          .metadata = update.metadata.value_or(std::vector<std::uint8_t>()),
          .revoked = update.revoked.value_or(false)};
}

bool is_time(std::int64_t seconds) {
  return seconds == Enrolment::kAlways || seconds == Enrolment::kForever ||
         (seconds >= 0 && seconds <= 4'291'747'199);
}

void check_record(const ClientRecord& record) {
  PSSST_ASSERT(check_public_key(record.key) == PublicKeyFault::kNone);
  PSSST_ASSERT(record.name.size() <= kClientNameSizeMax && is_utf8(record.name));
  PSSST_ASSERT(std::ranges::none_of(record.name, [](unsigned char c) { return c < ' '; }));
  PSSST_ASSERT(record.tags.size() <= kClientTagsSizeMax);
  PSSST_ASSERT(parse_client_tags(record.tags).value() == record.tags);
  PSSST_ASSERT(record.metadata.size() <= kClientMetadataSizeMax);
  PSSST_ASSERT(is_time(record.not_before) && is_time(record.not_after));
  PSSST_ASSERT(record.not_before <= record.not_after);
}

bool same(const ClientRecord& a, const ClientRecord& b) {
  return a.key == b.key && a.name == b.name && a.tags == b.tags && a.not_before == b.not_before &&
         a.not_after == b.not_after && a.metadata == b.metadata && a.revoked == b.revoked;
}

void check_round_trip(const ClientRecord& record, ClientFormat format) {
  std::string line;
  format == ClientFormat::kCsv ? append_client_csv(line, record) : append_client_json(line, record);
  PSSST_ASSERT(line.find('\n') == line.size() - 1);
  line.pop_back();
  const auto again = ClientLineParser(format).parse(line);
  PSSST_ASSERT(again && *again && same(record_of(**again), record));
}

void check_line(const ClientLineParser& parser, std::string_view line) {
  const auto update = parser.parse(line);
  if (!update) {
    PSSST_ASSERT(!update.error().what.empty() && !update.error().remedy.empty());
    PSSST_ASSERT(
        std::ranges::none_of(update.error().what, [](unsigned char c) { return c < ' '; }));
    return;
  }
  if (!*update) return;
  const ClientRecord record = record_of(**update);
  check_record(record);
  check_round_trip(record, ClientFormat::kCsv);
  check_round_trip(record, ClientFormat::kJson);
}

void check_text(ClientFormat format, std::string_view text) {
  ClientLineParser parser(format);
  bool first = true;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (first && !ClientLineParser::is_blank(format, line)) {
      first = false;
      const auto header = parser.take_header(line);
      if (!header) return;
      if (*header) continue;
    }
    check_line(parser, line);
  }
}

}  // namespace
}  // namespace pssst::identity

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pssst::identity::ClientFormat;
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool json = (data[0] & 1) != 0;
  pssst::identity::check_text(json ? ClientFormat::kJson : ClientFormat::kCsv, text.substr(1));
  return 0;
}
