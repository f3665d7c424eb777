#include "identity/follower.hpp"

#include <pthread.h>

#include <algorithm>
#include <new>
#include <utility>

namespace pssst::identity {
namespace {

/// Changes and records between two grace periods: what they replace keeps its memory meanwhile.
constexpr std::size_t kBatch = 4096;

std::int64_t unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

SourceError no_room() {
  return {.alarm = FollowerAlarm::kNoRoom,
          .error = {.what = "there is not enough room for all clients",
                    .where = "the table of clients",
                    .remedy = "give the server more memory, or remove clients from the store"}};
}

}  // namespace

std::string_view to_string(FollowerAlarm alarm) noexcept {
  switch (alarm) {
    case FollowerAlarm::kNone:
      return "none";
    case FollowerAlarm::kLocked:
      return "locked";
    case FollowerAlarm::kTruncated:
      return "truncated";
    case FollowerAlarm::kNotADatabase:
      return "not_a_database";
    case FollowerAlarm::kReplaced:
      return "replaced";
    case FollowerAlarm::kGone:
      return "gone";
    case FollowerAlarm::kUnreadable:
      return "unreadable";
    case FollowerAlarm::kNoRoom:
      return "no_room";
  }
  return "?";
}

Follower::Follower(ClientDirectory& directory, std::unique_ptr<ClientSource> source,
                   const FollowerSettings& settings)
    : directory_(directory), source_(std::move(source)), settings_(settings) {}

Follower::~Follower() {
  stop();
}

void Follower::start() {
  thread_ = std::thread([this] { run(); });
}

void Follower::stop() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Follower::wake() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

FollowerStatus Follower::status() const {
  const std::scoped_lock lock(mutex_);
  FollowerStatus status = status_;
  status.records_loaded = records_loaded_.load(std::memory_order_relaxed);
  if (status.newest_change_ms != 0) {
    status.newest_change_age_ms = std::max<std::int64_t>(0, unix_ms() - status.newest_change_ms);
  }
  return status;
}

bool Follower::wait_until_loaded(std::chrono::milliseconds at_most) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, at_most, [this] { return status_.loaded; });
}

void Follower::run() {
  static_cast<void>(pthread_setname_np(pthread_self(), "pssst-clients"));
  while (!stopping()) {
    const Clock::time_point begun = Clock::now();
    if (!step()) {
      rest(begun);
      continue;
    }
    // A load that fails late is not tried again all the time.
    const auto pause = load_needed_
                           ? std::max<Clock::duration>(settings_.poll, Clock::now() - begun)
                           : Clock::duration(settings_.poll);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, pause, [this] { return stop_ || woken_; });
    woken_ = false;
  }
}

// Not niceness: on a machine whose CPUs are all busy one change alone then waited for seconds.
void Follower::rest(Clock::time_point begun) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, Clock::now() - begun, [this] { return stopping(); });
}

bool Follower::step() {
  try {
    if (load_needed_) {
      const auto loaded = load();
      if (loaded) {
        succeed();
      } else {
        fail(loaded.error());
      }
      return true;
    }
    const auto more = follow();
    if (more) {
      left_out_ == 0 ? succeed() : fail(no_room());
      return !*more;
    }
    load_needed_ = more.error().alarm == FollowerAlarm::kReplaced;
    fail(more.error());
    return !load_needed_;
  } catch (const std::bad_alloc&) {
    fail(no_room());
    return true;
  }
}

SourceResult<void> Follower::load() {
  const bool in_place = settings_.serve_while_loading && !std::exchange(tried_in_place_, true);
  auto table = in_place ? nullptr : std::make_unique<ShardedTable>();
  if (in_place) directory_.serve(true);
  auto filled = fill(in_place ? directory_.table() : *table, in_place);
  if (!filled) return tl::unexpected(filled.error());
  if (stopping()) return {};
  if (in_place) {
    directory_.settle();
  } else {
    directory_.replace(std::move(table));
    directory_.serve(true);
  }
  position_ = std::move(*filled);
  load_needed_ = false;
  left_out_ = 0;
  {
    const std::scoped_lock lock(mutex_);
    status_.loaded = true;
    ++status_.loads;
    status_.change_delay_ms = 0;
  }
  note_position();
  changed_.notify_all();
  return {};
}

SourceResult<SourcePosition> Follower::fill(ShardedTable& table, bool shared) {
  std::uint64_t n = 0;
  bool full = false;
  Clock::time_point begun = Clock::now();
  records_loaded_.store(0, std::memory_order_relaxed);
  const auto begin = [&](const ClientSource::Extent& extent) {
    table.reserve(extent.records, extent.metadata_bytes);
    const std::scoped_lock lock(mutex_);
    status_.records_expected = extent.records;
  };
  auto position = source_->load(begin, [&](const Enrolment& client) {
    full = table.put(client) == ShardedTable::Change::kNoRoom;
    records_loaded_.store(++n, std::memory_order_relaxed);
    if (n % kBatch == 0) {
      if (table.has_retired()) shared ? directory_.settle() : table.reclaim();
      if (directory_.serving()) rest(begun);
      begun = Clock::now();
    }
    return !full && !stopping();
  });
  if (position && full) return tl::unexpected(no_room());
  if (!shared) table.reclaim();
  return position;
}

SourceResult<bool> Follower::follow() {
  // Made only once all have been read: half of them, made again later, would for a moment enrol
  // whom a later one revokes.
  changes_.clear();
  auto position = source_->follow(position_, kBatch, [&](const SourceChange& change) {
    changes_.push_back({.change = change, .metadata = {}});
    std::ranges::copy(change.client.metadata, changes_.back().metadata.begin());
    return true;
  });
  if (!position) return tl::unexpected(position.error());
  const std::size_t n = changes_.size();
  for (KeptChange& kept : changes_) make(kept);
  if (n > 0) directory_.settle();
  position_ = std::move(*position);
  if (n > 0) {
    const std::scoped_lock lock(mutex_);
    status_.change_delay_ms = std::max<std::int64_t>(0, unix_ms() - position_.time_ms);
  }
  note_position();
  return n == kBatch;
}

void Follower::make(KeptChange& kept) {
  ShardedTable& table = directory_.table();
  Enrolment& client = kept.change.client;
  client.metadata = std::span(kept.metadata).first(client.metadata.size());
  const ShardedTable::Change made =
      kept.change.removed ? table.remove(client.key) : table.put(client);
  // One client too many must not keep others from being revoked.
  if (made == ShardedTable::Change::kNoRoom) ++left_out_;
}

void Follower::note_position() {
  const std::scoped_lock lock(mutex_);
  status_.sequence = position_.sequence;
  status_.newest_change_ms = position_.time_ms;
  status_.clients = directory_.table().size();
  status_.revoked = directory_.table().revoked();
  status_.table_bytes = directory_.table().memory();
}

void Follower::succeed() {
  if (refusing_) directory_.serve(true);
  refusing_ = false;
  const std::scoped_lock lock(mutex_);
  status_.alarm = FollowerAlarm::kNone;
  status_.alarm_text.clear();
  status_.alarm_since_ms = 0;
  status_.refusing = false;
}

void Follower::fail(const SourceError& error) {
  const std::scoped_lock lock(mutex_);
  if (status_.alarm == FollowerAlarm::kNone) {
    failing_since_ = Clock::now();
    status_.alarm_since_ms = unix_ms();
  }
  status_.alarm = error.alarm;
  status_.alarm_text = error.error.to_string();
  // What there is no room for does not make the rest old.
  const bool old = left_out_ == 0 && Clock::now() - failing_since_ >= settings_.stale_after;
  if (settings_.stale == StalePolicy::kRefuse && old) {
    directory_.serve(false);
    refusing_ = true;
  }
  status_.refusing = refusing_;
}

}  // namespace pssst::identity
