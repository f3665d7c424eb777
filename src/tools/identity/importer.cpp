#include "tools/identity/importer.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>
#include <utility>

namespace pssst::tools {
namespace {

using identity::ClientFormat;
using identity::ClientLineParser;
using identity::Store;

constexpr std::size_t kBatchLines = 8192;
/// A transaction: long enough that the pages which it touches, nearly all of them, are not written
/// too often; short enough that a revocation need not wait for long.
constexpr std::size_t kTransactionLines = 4 * kBatchLines;
/// For the next batch, with a transaction that has begun.
constexpr std::chrono::milliseconds kPatience{500};
/// Others look for their turn every 2 ms.
constexpr std::chrono::milliseconds kTurnOfOthers{10};

/// Writes what was parsed.
class Writer {
 public:
  Writer(Store& store, const ImportSettings& settings, ImportCounts& counts)
      : store_(store), settings_(settings), counts_(counts), written_(counts) {}

  base::Result<void> apply(const std::vector<ParsedLine>& lines) {
    if (!begun_) {
      auto begun = store_.begin();
      if (!begun) return begun;
      begun_ = true;
    }
    for (const ParsedLine& line : lines) {
      auto applied = apply(line);
      if (!applied) return undo(std::move(applied));
    }
    pending_ += lines.size();
    return pending_ < kTransactionLines ? base::Result<void>() : commit();
  }

  base::Result<void> commit() {
    if (!begun_) return {};
    begun_ = false;
    pending_ = 0;
    auto committed = store_.commit();
    if (!committed) return undo(std::move(committed));
    counts_ = written_;
    std::this_thread::sleep_for(kTurnOfOthers);
    return {};
  }

  [[nodiscard]] const ImportCounts& counts() const noexcept { return written_; }

 private:
  base::Result<void> apply(const ParsedLine& line) {
    ++written_.lines;
    if (!line.update) {
      complain(line.line, line.update.error());
      return {};
    }
    if (!*line.update) return {};
    auto answer = store_.apply(**line.update);
    if (!answer) return tl::unexpected(std::move(answer.error()));
    if (identity::is_refusal(*answer)) complain(line.line, identity::refusal_error(*answer));
    if (*answer == Store::Answer::kAdded) ++written_.added;
    if (*answer == Store::Answer::kChanged) ++written_.changed;
    if (*answer == Store::Answer::kSame) ++written_.same;
    return {};
  }
  void complain(std::uint64_t line, const base::Error& error) {
    ++written_.bad;
    settings_.complain(line, error);
  }
  base::Result<void> undo(base::Result<void> failed) {
    begun_ = false;
    return failed;
  }

  Store& store_;
  const ImportSettings& settings_;
  ImportCounts& counts_;
  ImportCounts written_;  ///< with those of the transaction that is open
  std::size_t pending_ = 0;
  bool begun_ = false;
};

struct Prepared {
  LineBatch batch;  ///< empty at the end
  std::vector<ParsedLine> lines;
};

/// Finds the format and the header, and then prepares a batch at a time.
class Preparer {
 public:
  Preparer(LineSource& source, const ImportSettings& settings)
      : source_(source), settings_(settings) {}

  base::Result<Prepared> next() {
    auto batch = source_.next(kBatchLines);
    if (!batch) return tl::unexpected(std::move(batch.error()));
    std::size_t first = 0;
    if (!parser_) {
      const auto begins = begin(*batch);
      if (!begins) return tl::unexpected(begins.error());
      first = *begins;
    }
    Prepared prepared{.batch = std::move(*batch), .lines = {}};
    if (parser_) prepared.lines = parse_batch(*parser_, prepared.batch, first, settings_.threads);
    return prepared;
  }

 private:
  /// Sets the parser up by the first line that has something; where its clients begin.
  base::Result<std::size_t> begin(LineBatch& batch) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    for (std::size_t i = 0; i < batch.lines.size(); ++i) {
      std::string_view& line = batch.lines[i];
      const std::uint64_t number = batch.first_line + i;
      if (number == 1 && line.starts_with(kByteOrderMark)) {
        line.remove_prefix(kByteOrderMark.size());
      }
      if (ClientLineParser::is_blank(settings_.format.value_or(ClientFormat::kCsv), line)) continue;
      const bool is_json = line[line.find_first_not_of(" \t\r")] == '{';
      parser_.emplace(
          settings_.format.value_or(is_json ? ClientFormat::kJson : ClientFormat::kCsv));
      const auto header = parser_->take_header(line);
      if (header) return *header ? i + 1 : i;
      return base::fail(header.error().what, source_.name() + ":" + std::to_string(number),
                        header.error().remedy);
    }
    return batch.lines.size();
  }

  LineSource& source_;
  const ImportSettings& settings_;
  std::optional<ClientLineParser> parser_;
};

}  // namespace

std::vector<ParsedLine> parse_batch(const ClientLineParser& parser, const LineBatch& batch,
                                    std::size_t first, unsigned threads) {
  const std::size_t n = batch.lines.size() - std::min(first, batch.lines.size());
  std::vector<ParsedLine> parsed(n);
  const auto parse = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      parsed[i] = {.line = batch.first_line + first + i,
                   .update = parser.parse(batch.lines[first + i])};
    }
  };
  const std::size_t share = n / std::max(1U, threads) + 1;
  std::vector<std::future<void>> others;
  for (std::size_t begin = share; begin < n; begin += share) {
    others.push_back(std::async(std::launch::async, parse, begin, std::min(n, begin + share)));
  }
  parse(0, std::min(n, share));
  for (std::future<void>& other : others) other.get();
  return parsed;
}

base::Result<void> import_clients(LineSource& source, Store& store, const ImportSettings& settings,
                                  ImportCounts& counts) {
  Preparer preparer(source, settings);
  Writer writer(store, settings, counts);
  const auto prepare = [&preparer] { return preparer.next(); };
  // The next batch is parsed while this one is written.
  auto next = std::async(std::launch::async, prepare);
  for (;;) {
    // Nobody waits for the store while we wait for somebody's pipe.
    if (next.wait_for(kPatience) != std::future_status::ready) {
      if (auto committed = writer.commit(); !committed) return committed;
    }
    auto prepared = next.get();
    if (!prepared) {
      // What was read before is good.
      if (auto committed = writer.commit(); !committed) return committed;
      return tl::unexpected(std::move(prepared.error()));
    }
    const bool stopped = settings.stop != nullptr && *settings.stop;
    if (prepared->batch.lines.empty() || stopped) return writer.commit();
    const std::uint64_t bytes = source.bytes_read();
    next = std::async(std::launch::async, prepare);
    if (auto applied = writer.apply(prepared->lines); !applied) return applied;
    settings.progress(writer.counts(), bytes);
  }
}

}  // namespace pssst::tools
