/// A store, and a source that reads it, for tests.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "identity/store.hpp"
#include "identity/store_source.hpp"
#include "identity/table_testing.hpp"
#include "identity/temporary_folder.hpp"

namespace pssst::identity {

class StoreSourceTest : public testing::Test {
 protected:
  StoreSourceTest() { make("store"); }

  void make(const std::string& name) const { static_cast<void>(open(name)); }
  [[nodiscard]] Store open(const std::string& name) const {
    return std::move(
        Store::open(folder_.path(name), Store::Mode::kCreate, std::chrono::milliseconds(1000))
            .value());
  }
  void write(const std::vector<ClientUpdate>& updates, const std::string& name = "store") const {
    Store store = open(name);
    ASSERT_TRUE(store.begin());
    for (const ClientUpdate& update : updates) ASSERT_TRUE(store.apply(update));
    ASSERT_TRUE(store.commit());
  }
  void enrol(std::uint64_t first, std::uint64_t last, const std::string& name = "store") const {
    std::vector<ClientUpdate> updates;
    for (std::uint64_t i = first; i < last; ++i) updates.push_back({.key = key_of(i)});
    write(updates, name);
  }
  void run_sql(const char* sql, const std::string& name = "store") const {
    auto database = sqlite::Database::open(folder_.path(name), sqlite::Database::Mode::kWrite,
                                           std::chrono::milliseconds(1000));
    ASSERT_TRUE(database->execute(sql)) << sql;
  }
  void copy(const std::string& from, const std::string& to) const {
    std::filesystem::copy_file(folder_.path(from), folder_.path(to),
                               std::filesystem::copy_options::overwrite_existing);
  }
  void rename(const std::string& from, const std::string& to) const {
    std::filesystem::rename(folder_.path(from), folder_.path(to));
  }

  /// Loads; the alarm if that failed.
  FollowerAlarm load() {
    clients_.clear();
    const auto position = source_.load([this](const auto& extent) { extent_ = extent; },
                                       [this](const Enrolment& client) {
                                         take({.client = client});
                                         return true;
                                       });
    if (!position) return position.error().alarm;
    position_ = *position;
    return FollowerAlarm::kNone;
  }
  /// Follows; the alarm if that failed.
  FollowerAlarm follow(std::size_t limit = 1000) {
    changes_ = 0;
    const auto position = source_.follow(position_, limit, [this](const SourceChange& change) {
      ++changes_;
      take(change);
      return true;
    });
    if (!position) return position.error().alarm;
    position_ = *position;
    return FollowerAlarm::kNone;
  }
  void take(const SourceChange& change) {
    if (change.removed) {
      clients_.erase(change.client.key);
      return;
    }
    Client& client = clients_[change.client.key];
    client.enrolment = change.client;
    client.metadata.assign(change.client.metadata.begin(), change.client.metadata.end());
  }
  [[nodiscard]] bool enrolled(std::uint64_t i) const {
    const auto found = clients_.find(key_of(i));
    return found != clients_.end() && !found->second.enrolment.revoked;
  }

  struct Client {
    Enrolment enrolment;
    std::vector<std::uint8_t> metadata;
  };
  TemporaryFolder folder_;
  const std::string path_ = folder_.path("store");
  StoreSource source_{path_, std::chrono::milliseconds(20)};
  SourcePosition position_;
  ClientSource::Extent extent_;
  std::map<PublicKey, Client> clients_;
  std::size_t changes_ = 0;
};

}  // namespace pssst::identity
