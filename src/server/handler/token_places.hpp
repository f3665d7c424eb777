/// Places of a bounded table, each of which is named by another token every time it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace pssst::server {

/// What became of whoever a token names.
enum class TokenFate : std::uint8_t {
  kAwaited,
  kTwice,  ///< it was answered already
  kLate,   ///< its time was over
  kWrong,  ///< there never was such a token
};

/// One thread's. The place that was freed first is taken first, so that it is known for long what
/// became of its last use.
class TokenPlaces {
 public:
  /// Generations are 1 to generation_max; the first one of each place follows `first_generation`.
  TokenPlaces(std::size_t capacity, std::uint64_t generation_max,
              std::uint64_t first_generation = 0)
      : generation_max_(generation_max),
        places_(capacity, Place{.generation = first_generation % generation_max}),
        free_(capacity),
        free_count_(capacity) {
    for (std::size_t i = 0; i < capacity; ++i) free_[i] = i;
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return places_.size(); }
  [[nodiscard]] std::size_t used() const noexcept { return places_.size() - free_count_; }
  [[nodiscard]] std::uint64_t generation(std::size_t place) const noexcept {
    return places_[place].generation;
  }
  [[nodiscard]] bool is_used(std::size_t place) const noexcept { return places_[place].used; }

  /// Nothing: all are used.
  [[nodiscard]] std::optional<std::size_t> take() noexcept {
    if (free_count_ == 0) return std::nullopt;
    const std::size_t place = free_[free_head_];
    free_head_ = (free_head_ + 1) % free_.size();
    --free_count_;
    places_[place].generation = places_[place].generation % generation_max_ + 1;
    places_[place].used = true;
    return place;
  }

  [[nodiscard]] TokenFate fate(std::size_t place, std::uint64_t generation) const noexcept {
    if (place >= places_.size() || generation == 0) return TokenFate::kWrong;
    const Place& own = places_[place];
    if (generation != own.generation) {
      return generation < own.generation ? TokenFate::kLate : TokenFate::kWrong;
    }
    if (own.used) return own.claimed ? TokenFate::kTwice : TokenFate::kAwaited;
    return own.answered ? TokenFate::kTwice : TokenFate::kLate;
  }
  /// It is answered now: its fate is kTwice from now on.
  void claim(std::size_t place) noexcept { places_[place].claimed = true; }

  /// `answered` is remembered, to tell kTwice from kLate.
  void free(std::size_t place, bool answered) noexcept {
    places_[place].used = false;
    places_[place].claimed = false;
    places_[place].answered = answered;
    free_[(free_head_ + free_count_) % free_.size()] = place;
    ++free_count_;
  }

 private:
  struct Place {
    std::uint64_t generation = 0;
    bool used = false;
    bool claimed = false;
    bool answered = false;  ///< the last time
  };

  const std::uint64_t generation_max_;
  std::vector<Place> places_;
  std::vector<std::size_t> free_;  ///< a ring
  std::size_t free_head_ = 0;
  std::size_t free_count_;
};

}  // namespace pssst::server
