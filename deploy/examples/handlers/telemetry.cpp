/// A handler that appends each message to a file, as a line, and then acknowledges it with "ok".
///
///     handler = "library", library = "telemetry.so", options = { file = "/var/log/meters" }
///
/// Workers hand messages over to a thread, which writes: they never wait for the disk. A request is
/// answered with "ok" or, if the thread cannot keep up, not at all, so it is sent again: a pure
/// function of the request, which suite 1 may serve. (Sent twice is written twice.)
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "pssst/handler_library.hpp"

namespace {

namespace library = pssst::library;

/// From one worker to the thread: each writes only its own end.
struct Lane {
  struct Line {
    std::uint64_t token;
    std::size_t size;
    std::array<char, 1472> text;
  };
  std::array<Line, 256> lines;
  alignas(64) std::atomic<std::size_t> begin{0};
  alignas(64) std::atomic<std::size_t> end{0};
};

class Telemetry {
 public:
  static constexpr library::Traits kTraits{
      .name = "telemetry", .flags = library::kPure | library::kAnswersLater, .reply_size_max = 2};

  explicit Telemetry(const library::Server& server) : server_(server) {
    file_.open(std::string(server.option("file").value_or("")), std::ios::app);
    if (!file_) throw std::runtime_error("the option file names none that can be written");
    for (std::uint32_t i = 0; i < server.workers(); ++i) lanes_.push_back(std::make_unique<Lane>());
    thread_ = std::thread([this] { write_lines(); });
  }
  ~Telemetry() {
    stop_ = true;
    thread_.join();
  }

  struct Worker {
    Worker(Telemetry& handler, std::uint32_t worker) : lane(*handler.lanes_[worker]) {}
    Lane& lane;
  };

  static void handle(library::Message& message, Worker& worker) noexcept {
    Lane& lane = worker.lane;
    const std::size_t end = lane.end.load(std::memory_order_relaxed);
    if (end - lane.begin.load(std::memory_order_acquire) == lane.lines.size()) return;
    Lane::Line& line = lane.lines[end % lane.lines.size()];
    line.token = message.later();
    line.size = message.text().copy(line.text.data(), line.text.size());
    lane.end.store(end + 1, std::memory_order_release);
  }

 private:
  void write_lines() {
    for (bool last = false; !last;) {
      last = stop_;
      for (const auto& lane : lanes_) write_lines_of(*lane);
      if (!last) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  void write_lines_of(Lane& lane) {
    const std::size_t end = lane.end.load(std::memory_order_acquire);
    std::size_t begin = lane.begin.load(std::memory_order_relaxed);
    for (std::size_t i = begin; i != end; ++i) {
      const Lane::Line& line = lane.lines[i % lane.lines.size()];
      file_.write(line.text.data(), static_cast<std::streamsize>(line.size)) << '\n';
    }
    const bool written = begin == end || file_.flush().good();
    for (; begin != end; ++begin) acknowledge(lane.lines[begin % lane.lines.size()].token, written);
    lane.begin.store(begin, std::memory_order_release);
  }
  void acknowledge(std::uint64_t token, bool written) const {
    while ((written ? server_.answer(token, "ok") : server_.answer_nothing(token)) == PSSST_BUSY) {
      std::this_thread::yield();
    }
  }

  const library::Server server_;
  std::ofstream file_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace

PSSST_LIBRARY_HANDLER(Telemetry)
