/// A backend of the handler `forward`, as fast as one thread is.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include "base/file_descriptor.hpp"

namespace pssst::bench {

enum class BackendState : std::uint8_t {
  kAnswering,
  kStalled,  ///< its socket is there, and nobody reads
};

/// Answers each message with itself, from a thread of its own. Throws std::runtime_error if there
/// is no room for its socket.
class EchoBackend {
 public:
  explicit EchoBackend(BackendState state);
  EchoBackend(const EchoBackend&) = delete;
  EchoBackend& operator=(const EchoBackend&) = delete;
  ~EchoBackend();

  [[nodiscard]] std::string path() const { return folder_ / "backend"; }

 private:
  void echo() const;

  std::filesystem::path folder_;
  base::FileDescriptor socket_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace pssst::bench
