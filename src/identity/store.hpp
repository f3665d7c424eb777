/// The store of enrolled clients: one SQLite file that the commands write and the server follows.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "identity/client_record.hpp"

namespace pssst::identity {

/// A rollback journal, and no WAL: readers of a WAL map its shared index into memory, where a
/// truncated file is a signal, and must write it, which a server shall not; and a store is to be
/// one file that can be copied while nobody writes. Writers wait for readers for that, and readers
/// for the end of a write: both keep their transactions short.
///
/// Used by one thread at a time.
class Store {
 public:
  enum class Mode : std::uint8_t {
    kRead,    ///< writes nothing, but rolls back what a killed writer left, if it may
    kWrite,   ///< there must be one
    kCreate,  ///< made if there is none
  };
  /// `patience`: for locks of others, now and later.
  static base::Result<Store> open(
      const std::string& path, Mode mode,
      std::chrono::milliseconds patience = std::chrono::milliseconds(60'000));
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // Writing. Between begin() and commit(), which makes all of it last, or rollback(). A failure
  // that is not a refusal ends the transaction; nothing of it is written.

  [[nodiscard]] base::Result<void> begin();
  /// Forgets changes that are older than an hour, some at a time, but never the last.
  [[nodiscard]] base::Result<void> commit();
  void rollback() noexcept;

  enum class Answer : std::uint8_t {
    kAdded,
    kChanged,
    kSame,         ///< it was so already
    kTooManyKeys,  ///< refused: kKeysPerClientMax others of this name are enrolled
    kEmptyWindow,  ///< refused: it would end before it begins
  };
  /// The key must have passed check_public_key(), and the fields their parsers.
  [[nodiscard]] base::Result<Answer> apply(const ClientUpdate& update);

  // Reading, within a transaction or without.

  [[nodiscard]] base::Result<std::optional<ClientRecord>> find(const PublicKey& key);
  [[nodiscard]] base::Result<std::vector<ClientRecord>> find_named(std::string_view name);

  /// All records, in the order in which they came, each as it is when its turn comes: nobody has to
  /// wait for the end. False from `sink`: enough.
  [[nodiscard]] base::Result<void> scan(const std::function<bool(const ClientRecord&)>& sink);

  struct Summary {
    std::int64_t clients = 0;  ///< with the revoked
    std::int64_t sequence = 0;
  };
  [[nodiscard]] base::Result<Summary> summary();

 private:
  struct Connection;
  explicit Store(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

[[nodiscard]] constexpr bool is_refusal(Store::Answer answer) noexcept {
  return answer >= Store::Answer::kTooManyKeys;
}
/// What is wrong, and what to do.
[[nodiscard]] base::Error refusal_error(Store::Answer answer);

}  // namespace pssst::identity
