/// A network namespace for one test.
#pragma once

#include <sched.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace pssst::net::test {

/// Runs `body` in a network of its own, made by `commands`; false if that is not permitted.
inline bool run_in_own_network(const std::vector<std::string>& commands,
                               const std::function<void()>& body) {
  bool is_permitted = false;
  // unshare(2) moves the thread alone, and with it its children.
  std::thread([&] {
    is_permitted = ::unshare(CLONE_NEWNET) == 0;
    for (const std::string& command : commands) {
      is_permitted = is_permitted && std::system(command.c_str()) == 0;
    }
    if (is_permitted) body();
  }).join();
  return is_permitted;
}

}  // namespace pssst::net::test
