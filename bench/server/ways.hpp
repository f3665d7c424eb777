/// The ways to answer: built in, out of a library at once and later, by another process; and what a
/// backend that stands still does to another service on the same worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pssst::bench {

struct WaySettings {
  std::size_t clients = 1000;
  std::size_t rounds = 9;
  double window_ms = 50;
  std::string kernel;     ///< empty: the best
  unsigned cpu = 0;       ///< the worker's: threads of handlers and backends have what is left
  std::string libraries;  ///< the folder of echo_at_once.so and echo_later.so
};

/// A worker whose only service is answered in one way.
struct Way {
  std::string name;
  std::vector<double> rates{};  ///< replies a second, of each window
  double of_echo = 0;           ///< the median of what it was of built-in echo in the same round
};

/// A worker with two services, of which one is built-in echo; of the requests half are for each.
struct Neighbour {
  std::string name;             ///< what the other service does
  bool shares_cpu = false;      ///< the threads of handlers and backends run on the worker's CPU
  std::vector<double> rates{};  ///< echo's replies a second, of each window
  /// The median of what it was, in the same round, of echo's rate beside `discard`, which is given
  /// its messages and answers none.
  double of_undisturbed = 0;
  // Of the other service, in all windows together:
  double seconds = 0;
  std::uint64_t offered = 0;  ///< requests that were opened
  std::uint64_t taken = 0;    ///< of these, handed over to be answered later
  std::uint64_t replied = 0;
};

struct WayFigures {
  std::vector<Way> ways;  ///< the first is built-in echo
  std::vector<Neighbour> neighbours;
};

/// Suite 0xF002, anonymous, 64 bytes; each reply was opened once and found right. The calling
/// thread is the worker, pinned to its CPU; windows are of the clock on the wall, in turns. Throws
/// std::runtime_error where a handler or a backend cannot be made.
[[nodiscard]] WayFigures measure_ways(const WaySettings& settings);

}  // namespace pssst::bench
