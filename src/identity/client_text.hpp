/// Clients as lines of text: CSV and JSON lines, as import reads and export writes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "identity/client_record.hpp"

namespace pssst::identity {

enum class ClientFormat : std::uint8_t { kCsv, kJson };

/// The fields, named and ordered as export writes them.
enum class ClientField : std::uint8_t {
  kKey,
  kName,
  kTags,
  kNotBefore,
  kNotAfter,
  kMetadata,
  kState,
};
inline constexpr std::size_t kClientFieldCount = 7;
[[nodiscard]] std::string_view to_string(ClientField field) noexcept;

/// No longer line is read.
inline constexpr std::size_t kClientLineSizeMax = 8192;

/// A parser of lines. One that is const may be used by several threads; nothing is kept of a line.
///
/// CSV (RFC 4180, but a record is one line): the first line may name the columns, of which one is
/// "key"; without that they are all fields in their order, of which the last may be missing. In a
/// line an empty state is none; any other empty field is set, to nothing. Tags have spaces between.
/// JSON: an object with a member for each field: "tags" an array of strings, times a string or a
/// number; a member that is missing is not set, and one that is null is like an empty field.
/// Both: a blank line, and in CSV one that begins with '#', has no client.
class ClientLineParser {
 public:
  explicit ClientLineParser(ClientFormat format);

  /// For lines from the beginning, until one is not blank: true if that one names the columns, and
  /// has no client; an error if it names one that there is not.
  [[nodiscard]] base::Result<bool> take_header(std::string_view line);

  /// The client of a line, without its end, whose key has passed check_public_key(); nothing if it
  /// has none. The error's `where` is left to the caller.
  [[nodiscard]] base::Result<std::optional<ClientUpdate>> parse(std::string_view line) const;

  [[nodiscard]] static bool is_blank(ClientFormat format, std::string_view line) noexcept;

 private:
  ClientFormat format_;
  bool named_ = false;  ///< then each line has all columns
  std::vector<ClientField> columns_;
};

/// The fields of a line of CSV, unquoted.
[[nodiscard]] base::Result<std::vector<std::string>> split_csv(std::string_view line);

/// The client of a line of JSON, whatever line it is.
[[nodiscard]] base::Result<ClientUpdate> parse_client_json(std::string_view line);

/// Sets one field from text that CSV has.
[[nodiscard]] base::Result<void> set_client_field(ClientUpdate& update, ClientField field,
                                                  std::string_view text);

// Whole lines, with their ends; what a parser reads from them is the record.

/// The line that names the columns.
[[nodiscard]] std::string client_csv_header();
void append_client_csv(std::string& text, const ClientRecord& record);
void append_client_json(std::string& text, const ClientRecord& record);

/// Some text of a file, for an error: in quotes, short, and with nothing that a terminal obeys.
[[nodiscard]] std::string quote_for_error(std::string_view text);

}  // namespace pssst::identity
