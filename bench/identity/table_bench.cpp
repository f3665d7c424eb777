/// What it costs to keep and to look up enrolled clients.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/coarse_clock.hpp"
#include "base/cpu_features.hpp"
#include "base/quiescence.hpp"
#include "base/tsc.hpp"
#include "identity/client_directory.hpp"
#include "identity/follower.hpp"
#include "identity/pages.hpp"
#include "identity/store_source.hpp"
#include "identity/table_testing.hpp"
#include "timing/quiet_clock.hpp"
#include "timing/windows.hpp"

namespace pssst::bench {
namespace {

using identity::ClientDirectory;
using identity::Enrolment;
using identity::key_of;
using identity::ShardedTable;
using identity::TableShard;
using nlohmann::json;

constexpr const char* kAbout =
    "Times the table of enrolled clients: loading it from memory, what a client takes, looking up\n"
    "bursts of 32 keys, changing it; and beside it two other designs that were not chosen.\n"
    "--store loads a store, as a server does it, and nothing else. Prints JSON; ticks are TSC\n"
    "ticks, bytes are growth of the resident set.";

constexpr std::size_t kBurst = 32;
constexpr std::size_t kKeysTried = 65536;
constexpr std::uint64_t kEnrolled = 0;
constexpr std::uint64_t kStrangers = 1;
constexpr std::uint64_t kNewcomers = 2;
constexpr std::int64_t kEnd = 4'000'000'000;  // of windows: some time in 2096

struct Arguments {
  std::size_t clients = 10'000'000;
  std::size_t rounds = 31;
  double window_ms = 2;
  unsigned cpu = last_allowed_cpu();
  std::string store;
};

std::size_t resident_bytes() {
  std::size_t size = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * 4096;
}

double seconds(std::uint64_t ticks) {
  return static_cast<double>(ticks) / static_cast<double>(base::tsc_hz());
}

/// Kinds of clients, from the leanest.
struct Kind {
  const char* name;
  std::size_t metadata;
  bool window;
};
constexpr std::array<Kind, 4> kKinds{{{"key alone", 0, false},
                                      {"with times", 0, true},
                                      {"with times and 16 bytes of metadata", 16, true},
                                      {"with times and 64 bytes of metadata", 64, true}}};

void fill(ShardedTable& table, const Kind& kind, std::size_t clients) {
  const std::vector<std::uint8_t> metadata(kind.metadata, 0x5a);
  for (std::size_t i = 0; i < clients; ++i) {
    Enrolment client{.key = key_of(i, kEnrolled), .metadata = metadata};
    if (kind.window) {
      client.not_before = 1;
      client.not_after = kEnd;
    }
    PSSST_ASSERT(table.put(client) == ShardedTable::Change::kMade);
    if (i % 4096 == 0) table.reclaim();
  }
  table.reclaim();
}

json measure_load(const Kind& kind, std::size_t clients) {
  const std::size_t before = resident_bytes();
  const std::uint64_t begun = base::read_tsc();
  ShardedTable table;
  table.reserve(clients, clients * kind.metadata);
  fill(table, kind, clients);
  const std::uint64_t ended = base::read_tsc();
  return {{"kind", kind.name},
          {"seconds", seconds(ended - begun)},
          {"bytes_per_client",
           static_cast<double>(resident_bytes() - before) / static_cast<double>(clients)}};
}

/// The same, but the table does not know how many are to come.
json measure_growth(std::size_t clients) {
  const std::size_t before = resident_bytes();
  const std::uint64_t begun = base::read_tsc();
  ShardedTable table;
  fill(table, kKinds[1], clients);
  const std::uint64_t ended = base::read_tsc();
  return {{"seconds", seconds(ended - begun)},
          {"bytes_per_client",
           static_cast<double>(resident_bytes() - before) / static_cast<double>(clients)}};
}

/// From the file, by the thread that follows it in a server.
json measure_store(const std::string& path) {
  const std::size_t before = resident_bytes();
  base::Quiescence readers(0);
  ClientDirectory directory(readers);
  identity::Follower follower(directory, std::make_unique<identity::StoreSource>(path), {});
  const std::uint64_t begun = base::read_tsc();
  follower.start();
  if (!follower.wait_until_loaded(std::chrono::hours(1))) {
    throw std::runtime_error(path + ": " + follower.status().alarm_text);
  }
  const std::uint64_t ended = base::read_tsc();
  const auto clients = static_cast<double>(directory.table().size());
  return {{"clients", directory.table().size()},
          {"seconds", seconds(ended - begun)},
          {"bytes_per_client", static_cast<double>(resident_bytes() - before) / clients}};
}

/// Bursts of keys, one after the other.
class Bursts {
 public:
  Bursts(std::size_t clients, std::uint64_t family) : keys_(kKeysTried) {
    std::mt19937_64 random(family);
    for (PublicKey& key : keys_) key = key_of(random() % clients, family);
  }
  /// `fresh`: keys that were not asked for lately.
  std::span<const std::uint8_t* const> next(bool fresh) {
    if (fresh) first_ = (first_ + kBurst) % kKeysTried;
    for (std::size_t i = 0; i < kBurst; ++i) pointers_[i] = keys_[first_ + i].data();
    return pointers_;
  }

 private:
  std::vector<PublicKey> keys_;
  std::size_t first_ = 0;
  std::array<const std::uint8_t*, kBurst> pointers_{};
};

/// A small table before a large one, which is asked only for those that the small one lacks.
void find_in_two(const ShardedTable& overlay, const ShardedTable& large,
                 std::span<const std::uint8_t* const> keys, std::span<FoundClient> found) {
  overlay.find(keys, 2, found);
  std::array<const std::uint8_t*, kBurst> rest;
  std::array<FoundClient, kBurst> found_rest;
  std::array<std::size_t, kBurst> places;
  std::size_t n = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (found[i].drop != DropReason::kClientUnknown) continue;
    rest[n] = keys[i];
    places[n++] = i;
  }
  large.find(std::span(rest).first(n), 2, std::span(found_rest).first(n));
  for (std::size_t i = 0; i < n; ++i) found[places[i]] = found_rest[i];
}

json measure_lookups(const ClientDirectory& directory, const ShardedTable& table,
                     const Arguments& arguments) {
  ShardedTable overlay;
  for (std::size_t i = 0; i < arguments.clients / 100; ++i) {
    overlay.put({.key = key_of(i, kNewcomers)});
  }
  Bursts known(arguments.clients, kEnrolled);
  Bursts strangers(arguments.clients, kStrangers);
  std::array<FoundClient, kBurst> found;
  std::int64_t now = 0;
  const auto look = [&](Bursts& bursts, bool fresh) { directory.find(bursts.next(fresh), found); };
  const std::vector<std::pair<const char*, Contender>> rows{
      {"hit, cached", {.call = [&] { look(known, false); }}},
      {"hit, cold", {.call = [&] { look(known, true); }}},
      {"miss, cached", {.call = [&] { look(strangers, false); }}},
      {"miss, cold", {.call = [&] { look(strangers, true); }}},
      {"hit, cold, behind an overlay",
       {.call = [&] { find_in_two(overlay, table, known.next(true), found); }}},
      {"miss, cold, behind an overlay",
       {.call = [&] { find_in_two(overlay, table, strangers.next(true), found); }}},
      {"the clock alone", {.call = [&] { now += base::unix_seconds_coarse(); }}},
  };
  std::vector<Contender> contenders;
  contenders.reserve(rows.size());
  for (const auto& [name, contender] : rows) contenders.push_back(contender);
  QuietClock clock;
  const std::vector<Figures> figures = measure_in_turns(
      contenders, {.rounds = arguments.rounds, .window_ms = arguments.window_ms}, clock);
  PSSST_ASSERT(now != 0);
  json out = json::array();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out.push_back({{"what", rows[i].first},
                   {"ticks_median", figures[i].median},
                   {"ticks_best", figures[i].best}});
  }
  return out;
}

/// Ticks of one change, in batches of a thousand before their memory is taken back.
json measure_changes(ShardedTable& table, std::size_t clients) {
  constexpr std::size_t kChanges = 20'000;
  constexpr std::size_t kBatch = 1000;
  // NOLINTNEXTLINE(cert-msc32-c,cert-msc51-cpp): any sequence will do, and the same is better
  std::mt19937_64 random(3);
  const auto timed = [&](const char* what, const auto& change) -> json {
    std::vector<double> ticks;
    for (std::size_t i = 0; i < kChanges; i += kBatch) {
      const double begun = thread_ticks();
      for (std::size_t k = 0; k < kBatch; ++k) change(i + k);
      table.reclaim();
      ticks.push_back((thread_ticks() - begun) / kBatch);
    }
    return {{"what", what}, {"ticks_median", median(ticks)}};
  };
  return {timed("enrol", [&](std::size_t i) { table.put({.key = key_of(i, kNewcomers)}); }),
          timed("revoke",
                [&](std::size_t) {
                  table.put({.key = key_of(random() % clients, kEnrolled), .revoked = true});
                }),
          timed("remove", [&](std::size_t i) { table.remove(key_of(i, kNewcomers)); })};
}

/// What a change costs at least that copies the shard it is in, byte by byte, by how many shards
/// there are.
json measure_copies(std::size_t clients) {
  json out = json::array();
  for (const std::size_t shards : {std::size_t{64}, std::size_t{4096}, std::size_t{65536}}) {
    const std::size_t keys = clients / shards + 1;
    std::atomic<const identity::ShardView*> published{nullptr};
    const identity::HashSeed seed{1, 2};
    std::vector<TableShard::Retired> retired;
    TableShard shard(published, seed);
    for (std::size_t i = 0; i < keys; ++i) {
      const PublicKey key = key_of(i, kEnrolled);
      shard.put({.key = key, .not_before = 1}, identity::hash_key(key.data(), seed), retired);
    }
    retired.clear();
    const identity::Pages filled(shard.memory());
    std::ranges::fill(std::span(filled.data(), filled.size()), std::uint8_t{1});
    std::vector<double> ticks;
    for (int i = 0; i < 101; ++i) {
      const double begun = thread_ticks();
      const identity::Pages copy(filled.size());
      std::memcpy(copy.data(), filled.data(), filled.size());
      ticks.push_back(thread_ticks() - begun);
    }
    out.push_back({{"shards", shards},
                   {"clients_each", keys},
                   {"bytes", filled.size()},
                   {"ticks_median", median(ticks)}});
  }
  return out;
}

json measure(const Arguments& arguments) {
  json loads = json::array();
  for (const Kind& kind : kKinds) loads.push_back(measure_load(kind, arguments.clients));
  json growth = measure_growth(arguments.clients);
  base::Quiescence readers(0);
  ClientDirectory directory(readers);
  directory.table().reserve(arguments.clients, 0);
  fill(directory.table(), kKinds[1], arguments.clients);
  directory.serve(true);
  json lookups = measure_lookups(directory, directory.table(), arguments);
  json changes = measure_changes(directory.table(), arguments.clients);
  return {{"cpu_name", base::cpu_name()},
          {"cpu", arguments.cpu},
          {"tsc_hz", base::tsc_hz()},
          {"rounds", arguments.rounds},
          {"window_ms", arguments.window_ms},
          {"clients", arguments.clients},
          {"burst", kBurst},
          {"loads", std::move(loads)},
          {"load_unannounced", std::move(growth)},
          {"lookups", std::move(lookups)},
          {"changes", std::move(changes)},
          {"shard_copies", measure_copies(arguments.clients)}};
}

int run(int argc, char** argv) {
  CLI::App app(kAbout, "table_bench");
  Arguments arguments;
  app.add_option("--clients", arguments.clients, "Clients enrolled")
      ->check(CLI::Range(1000, 40'000'000));
  app.add_option("--rounds", arguments.rounds, "Windows of each contender")
      ->check(CLI::Range(1, 100000));
  app.add_option("--window", arguments.window_ms, "Length of a window, ms")
      ->check(CLI::Range(0.01, 10000.0));
  app.add_option("--cpu", arguments.cpu, "CPU to run on");
  app.add_option("--store", arguments.store, "A store of clients to load, and nothing else");
  CLI11_PARSE(app, argc, argv);
  if (!pin_to_cpu(arguments.cpu)) {
    static_cast<void>(std::fprintf(stderr, "table_bench: may not run on CPU %u\n", arguments.cpu));
    return 1;
  }
  const json measured =
      arguments.store.empty() ? measure(arguments) : measure_store(arguments.store);
  std::printf("%s\n", measured.dump(1).c_str());
  return 0;
}

}  // namespace
}  // namespace pssst::bench

int main(int argc, char** argv) try {
  return pssst::bench::run(argc, argv);
} catch (const std::exception& error) {
  static_cast<void>(std::fprintf(stderr, "table_bench: %s\n", error.what()));
  return 1;
}
