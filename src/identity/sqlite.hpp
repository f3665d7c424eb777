/// SQLite in this project's terms: RAII, expected, no memory mapping.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace pssst::identity::sqlite {

enum class Fault : std::uint8_t {
  kBusy,          ///< another process kept it locked for longer than we wait
  kCorrupt,       ///< shorter than it says, or torn
  kNotADatabase,  ///< another beginning
  kFull,          ///< no space left
  kReadOnly,      ///< may be read, and not written
  kBrokenOff,     ///< a writer died; its journal has to be rolled back by somebody who may write
  kCannotOpen,
  kOther,
};

struct Failure {
  Fault fault = Fault::kOther;
  base::Error error;
};
template <class T>
using Outcome = tl::expected<T, Failure>;

/// A statement, prepared once and run many times. Parameters and columns are counted from 1 and
/// from 0, as SQLite does. What a column's text or bytes point to lives until the next step or
/// reset.
class Statement {
 public:
  Statement() = default;

  /// Gets back to before the first row, with no parameters.
  Statement& reset() noexcept;
  // What they point to must live until reset(). A failure is told by step().
  Statement& bind(int parameter, std::int64_t value) noexcept;
  Statement& bind(int parameter, std::string_view text) noexcept;
  Statement& bind(int parameter, std::span<const std::uint8_t> bytes) noexcept;
  Statement& bind_null(int parameter) noexcept;

  /// True: there is a row.
  [[nodiscard]] Outcome<bool> step();
  /// For what gives no rows: to its end, and reset.
  [[nodiscard]] Outcome<void> run();

  [[nodiscard]] bool is_null(int column) const noexcept;
  [[nodiscard]] std::int64_t number(int column) const noexcept;
  [[nodiscard]] std::string_view text(int column) const noexcept;
  [[nodiscard]] std::span<const std::uint8_t> bytes(int column) const noexcept;

 private:
  friend class Database;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  void note(int code) noexcept {
    if (bind_code_ == 0) bind_code_ = code;
  }

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int bind_code_ = 0;
  std::string where_;
};

/// A connection, used by one thread at a time. It waits for others' locks as long as it was told
/// to, looking every 2 ms.
class Database {
 public:
  enum class Mode : std::uint8_t {
    kRead,
    kWrite,   ///< if the system lets it; otherwise it reads
    kCreate,  ///< as kWrite; makes an empty one where there is none
  };
  static Outcome<Database> open(const std::string& path, Mode mode,
                                std::chrono::milliseconds patience);

  /// One statement or several, without rows.
  [[nodiscard]] Outcome<void> execute(const char* sql);
  [[nodiscard]] Outcome<Statement> prepare(std::string_view sql);
  /// The first column of the first row; 0 if there is none.
  [[nodiscard]] Outcome<std::int64_t> number_of(std::string_view sql);

  /// Rows that the last INSERT, UPDATE or DELETE changed, without those of triggers.
  [[nodiscard]] std::int64_t changes() const noexcept;
  [[nodiscard]] bool writable() const noexcept;
  [[nodiscard]] bool in_transaction() const noexcept;
  /// What was read is read anew from the file.
  void forget_pages() noexcept;

 private:
  struct Closer {
    void operator()(sqlite3* database) const noexcept;
  };
  /// Heap: the busy handler has its address.
  struct Patience {
    std::chrono::milliseconds at_most;
    std::chrono::steady_clock::time_point since;
  };
  Database(std::string path, std::chrono::milliseconds patience);
  static int wait_for_lock(void* patience, int count) noexcept;

  std::string path_;
  std::unique_ptr<Patience> patience_;
  std::unique_ptr<sqlite3, Closer> database_;
};

/// Rolled back when it ends without commit().
class Transaction {
 public:
  /// kWrite: other writers wait, and readers do not until it commits.
  enum class Kind : std::uint8_t { kRead, kWrite };
  static Outcome<Transaction> begin(Database& database, Kind kind);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  [[nodiscard]] Outcome<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace pssst::identity::sqlite
