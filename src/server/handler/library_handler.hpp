/// A handler out of a shared object.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "pssst/handler.h"
#include "pssst/handler.hpp"
#include "pssst/request_burst.hpp"
#include "server/handler/attached_handler.hpp"
#include "server/handler/handler_runtime.hpp"
#include "server/handler/handler_settings.hpp"
#include "server/handler/library_file.hpp"

namespace pssst::server {

struct LibrarySettings {
  std::string path;
  std::string service;  ///< for which it is
  std::vector<std::pair<std::string, std::string>> options;
  LaterLimits limits{};
  std::optional<TypeRange> types{};  ///< the messages that it is to get; all, if not set
};

/// What a handler out of a library says of itself, as the server has it.
[[nodiscard]] HandlerTraits traits_of(const pssst_handler& handler) noexcept;

/// One use of a library, by one service: with a state of its own.
class LibraryHandler final : public AttachedHandler {
 public:
  /// Loads the library, refuses message types that it does not take, and calls its init, off the
  /// workers' CPUs. `runtime` null: only to look at
  /// it; init is not called, and it must not be attached or handle anything.
  static base::Result<std::unique_ptr<LibraryHandler>> create(const LibrarySettings& settings,
                                                              HandlerRuntime* runtime);
  LibraryHandler(const LibraryHandler&) = delete;
  LibraryHandler& operator=(const LibraryHandler&) = delete;
  /// Calls fini and closes the library.
  ~LibraryHandler() override;

  [[nodiscard]] const HandlerTraits& traits() const noexcept override { return traits_; }
  /// The message types that it takes; empty: all.
  [[nodiscard]] std::span<const std::uint8_t> types() const noexcept {
    return {library_->handler().types, library_->handler().type_count};
  }
  void handle_burst(std::size_t worker, std::span<HandlerMessage> messages) const noexcept override;

 private:
  struct Worker {
    void* state = nullptr;
    std::array<pssst_message, kBurstLanesMax> messages{};
  };

  LibraryHandler(std::unique_ptr<const LibraryFile> library, const LibrarySettings& settings,
                 HandlerRuntime* runtime);

  base::Result<void> init();
  bool start_worker(std::size_t worker) const noexcept override;
  void finish_worker(std::size_t worker) const noexcept override;
  static std::int32_t answer(const pssst_server* server, std::uint64_t token,
                             const std::uint8_t* reply, std::int32_t size);

  const std::unique_ptr<const LibraryFile> library_;
  const LibrarySettings settings_;
  HandlerRuntime* const runtime_;
  const HandlerTraits traits_;
  std::vector<pssst_option> options_;
  pssst_server server_{};
  void* state_ = nullptr;
  bool initialised_ = false;
  const std::unique_ptr<Worker[]> own_;  ///< each used by its worker
};

}  // namespace pssst::server
