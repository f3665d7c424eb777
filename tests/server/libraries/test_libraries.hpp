/// The libraries of this folder, and handlers of them for tests.
#pragma once

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "server/handler/handler_runtime.hpp"
#include "server/handler/library_handler.hpp"
#include "server/libraries/probe.hpp"

namespace pssst::server {

/// The path of a library, in the folder that the build system names.
inline std::string test_library(const std::string& name) {
  const char* const folder = std::getenv("PSSST_TEST_LIBRARIES");
  if (folder == nullptr) throw std::runtime_error("PSSST_TEST_LIBRARIES is not set");
  return std::string(folder) + "/" + name + ".so";
}

inline LibrarySettings probe_settings(const Probe& probe, const std::string& library = "probe",
                                      const LaterLimits& limits = {}) {
  return {.path = test_library(library),
          .service = "under-test",
          .options = {{"probe", probe.option()}},
          .limits = limits};
}

inline std::shared_ptr<const AttachedHandler> attach_probe(const Probe& probe,
                                                           HandlerRuntime& runtime,
                                                           const std::string& library = "probe",
                                                           const LaterLimits& limits = {}) {
  auto made = LibraryHandler::create(probe_settings(probe, library, limits), &runtime);
  if (!made) throw std::runtime_error(made.error().to_string());
  auto attached = runtime.attach(*std::move(made));
  if (!attached) throw std::runtime_error(attached.error().to_string());
  return *std::move(attached);
}

/// Calls `done` until it is true; false after ten seconds.
template <class Done>
bool eventually(Done&& done) {
  for (int i = 0; i < 10000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace pssst::server
