/// Where a starter waits for its workers.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "base/error.hpp"

namespace pssst::server {

/// Each worker reports once, when it is about to serve or has failed to start.
class StartGate {
 public:
  void report(base::Result<void> started);
  /// Waits for that many reports; the first failure among them, if any.
  base::Result<void> wait(std::size_t workers);

 private:
  std::mutex mutex_;
  std::condition_variable reported_;
  std::size_t reports_ = 0;
  base::Result<void> result_;
};

}  // namespace pssst::server
