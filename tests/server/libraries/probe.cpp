/// A handler that does what a test wants (probe.hpp).
#include "server/libraries/probe.hpp"

#include <array>
#include <stdexcept>

#ifndef PROBE_FLAGS
#define PROBE_FLAGS (library::kAnswersLater)
#endif
#ifndef PROBE_REPLY_SIZE
#define PROBE_REPLY_SIZE 100
#endif
#ifndef PROBE_VERSION
#define PROBE_VERSION 1
#endif

namespace pssst::server {
namespace {

class ProbeHandler {
 public:
  static constexpr std::array<std::uint8_t, 2> kTypes{1, 2};
  static constexpr library::Traits kTraits{.name = "probe",
                                           .version = PROBE_VERSION,
                                           .flags = PROBE_FLAGS,
                                           .reply_size_max = PROBE_REPLY_SIZE,
                                           .types = kTypes};

  explicit ProbeHandler(const library::Server& server) {
    const auto option = server.option("probe");
    if (!option) throw std::runtime_error("option probe is missing");
    probe_ = Probe::at(*option);
    probe_->server = server;
    probe_->note("init");
  }
  ProbeHandler(const ProbeHandler&) = delete;
  ProbeHandler& operator=(const ProbeHandler&) = delete;
  ~ProbeHandler() { probe_->note("fini"); }

  class Worker {
   public:
    Worker(ProbeHandler& handler, std::uint32_t worker)
        : probe_(handler.probe_), name_(std::to_string(worker)) {
      if (probe_->worker_init_fails) throw std::runtime_error("as the test wants it");
      probe_->note("worker_init " + name_);
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() { probe_->note("worker_fini " + name_); }

   private:
    Probe* probe_;
    std::string name_;
  };

  void handle_burst(std::span<library::Message> messages, Worker&) noexcept {
    if (probe_->handle) probe_->handle(messages);
  }

 private:
  Probe* probe_ = nullptr;
};

}  // namespace
}  // namespace pssst::server

PSSST_LIBRARY_HANDLER(pssst::server::ProbeHandler)
