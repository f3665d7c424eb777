/// A network namespace for one test.
#pragma once

#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace pssst::net::test {

/// Whether a command of the shell ends well; in the network of the calling thread.
inline bool succeeds(const std::string& command) {
  return std::system(command.c_str()) == 0;
}

/// What a command of the shell writes.
inline std::string output_of(const std::string& command) {
  std::string output;
  if (FILE* pipe = ::popen(command.c_str(), "r")) {
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
    ::pclose(pipe);
  }
  return output;
}

/// Runs `body` in a network of its own, made by `commands`; false if that is not permitted.
inline bool run_in_own_network(const std::vector<std::string>& commands,
                               const std::function<void()>& body) {
  bool is_permitted = false;
  // unshare(2) moves the thread alone, and with it its children.
  std::thread([&] {
    is_permitted = ::unshare(CLONE_NEWNET) == 0;
    for (const std::string& command : commands) {
      is_permitted = is_permitted && succeeds(command);
    }
    if (is_permitted) body();
  }).join();
  return is_permitted;
}

}  // namespace pssst::net::test
