/// Lines of clients into a store.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "identity/client_text.hpp"
#include "identity/store.hpp"
#include "tools/identity/line_source.hpp"

namespace pssst::tools {

struct ImportCounts {
  std::uint64_t lines = 0;
  std::uint64_t added = 0;
  std::uint64_t changed = 0;
  std::uint64_t same = 0;  ///< were so already
  std::uint64_t bad = 0;   ///< lines that were refused
};

struct ImportSettings {
  /// Without it JSON if the first line that is not blank begins with '{'.
  std::optional<identity::ClientFormat> format;
  unsigned threads = 1;  ///< that parse lines and check keys
  /// Told of each bad line, in their order.
  std::function<void(std::uint64_t line, const base::Error& error)> complain;
  /// Told now and then how far it is; the bytes are those read of the file.
  std::function<void(const ImportCounts& counts, std::uint64_t bytes)> progress;
  /// Once set, no further line is taken.
  const std::atomic<bool>* stop = nullptr;
};

/// Writes all good lines, in transactions of some ten thousand, between which other writers get
/// their turn; each that is committed stays, whatever comes. Doing it again changes nothing. An
/// error: of the file, of its header, or of the store. `counts` are true then, too, of what is in
/// the store.
[[nodiscard]] base::Result<void> import_clients(LineSource& source, identity::Store& store,
                                                const ImportSettings& settings,
                                                ImportCounts& counts);

struct ParsedLine {
  std::uint64_t line = 0;
  base::Result<std::optional<identity::ClientUpdate>> update;
};
/// Parses the lines of a batch from place `first` on, each of `threads` threads its share.
[[nodiscard]] std::vector<ParsedLine> parse_batch(const identity::ClientLineParser& parser,
                                                  const LineBatch& batch, std::size_t first,
                                                  unsigned threads);

}  // namespace pssst::tools
