/// The tables of a store of enrolled clients.
#pragma once

#include <cstdint>

#include "identity/sqlite.hpp"

namespace pssst::identity {

/// "PSST" in the file's header (PRAGMA application_id).
inline constexpr std::int64_t kStoreApplicationId = 0x50535354;
/// PRAGMA user_version.
inline constexpr std::int64_t kStoreVersion = 1;

/// What a file's header says that it is.
enum class StoreKind : std::uint8_t {
  kStore,
  kNothing,       ///< a database without a table
  kNewerStore,    ///< of a version that is not known here
  kSomethingElse  ///< another program's database
};
[[nodiscard]] sqlite::Outcome<StoreKind> identify_store(sqlite::Database& database);

/// Makes the tables, in a transaction that the caller has begun, and draws the store's name.
///
///     store   one row: the store's name, which no other has
///     client  a row for each key
///     change  (sequence, what, key): triggers append to it whatever writes `client`, also the
///             sqlite3 shell. `token` is drawn anew for each, so that the histories of two copies
///             of a store can be told apart once they differ.
[[nodiscard]] sqlite::Outcome<void> make_store(sqlite::Database& database);

}  // namespace pssst::identity
