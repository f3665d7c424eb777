/// What suite 1 costs besides X25519: deriving the key, opening the request, sealing the reply.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/cpu_features.hpp"
#include "base/tsc.hpp"
#include "baseline/session.hpp"
#include "pssst/client.hpp"
#include "pssst/server.hpp"
#include "timing/quiet_clock.hpp"
#include "timing/windows.hpp"

namespace pssst::bench {
namespace {

using nlohmann::json;

constexpr const char* kAbout =
    "Times what a request of suite 1 costs a server besides X25519 and its frames: derive, open "
    "and\n"
    "seal, by pssst in full bursts and by OpenSSL one after the other with all contexts reused.\n"
    "Windows take turns on one CPU. Prints JSON; ticks are TSC ticks for one request.";

constexpr std::array<std::size_t, 4> kMessageSizes{22, 64, 256, 1200};

struct Arguments {
  std::size_t rounds = 31;
  double window_ms = 2;
  unsigned cpu = last_allowed_cpu();
};

/// A burst whose multiplications are done.
class SymmetricBurst {
 public:
  SymmetricBurst(const PrivateKey& server, std::size_t message_size)
      : key_(server), burst_(make_request_burst()) {
    std::string error;
    processor_ = RequestProcessor::create({}, &error);
    const auto client = Client::create(server.public_key(), nullptr, &error);
    PSSST_ASSERT(processor_ != nullptr && client != nullptr);
    const std::vector<std::uint8_t> message(message_size, 0x5a);
    datagrams_.resize(processor_->burst_limit());
    for (std::vector<std::uint8_t>& datagram : datagrams_) {
      PendingRequest pending;
      datagram.resize(message.size() + client->overhead_size());
      PSSST_ASSERT(client->seal(message, datagram, pending) == datagram.size());
      burst_->add(datagram, key_);
    }
    processor_->multiply(*burst_);
  }

  void answer_pssst() {
    processor_->open(*burst_);
    for (std::size_t i = 0; i < burst_->size; ++i) {
      burst_->has_reply[i] = 1;
      burst_->reply_size[i] = burst_->message_size[i];
      burst_->reply_datagram_size[i] = 0;
    }
    processor_->seal(*burst_);
    PSSST_ASSERT(burst_->reply_datagram_size[burst_->size - 1] == datagrams_.front().size());
  }

  void answer_openssl(BaselineSession& session) {
    for (std::size_t i = 0; i < burst_->size; ++i) {
      PSSST_ASSERT(session.echo_with(datagrams_[i], burst_->shared_secret[i], reply_) ==
                   datagrams_[i].size());
    }
  }

  [[nodiscard]] std::size_t size() const { return burst_->size; }

 private:
  ServerKey key_;
  RequestBurstPointer burst_;
  std::unique_ptr<RequestProcessor> processor_;
  std::vector<std::vector<std::uint8_t>> datagrams_;
  std::array<std::uint8_t, kDatagramSizeMax> reply_{};
};

json measure(const Arguments& arguments) {
  const PrivateKey server = PrivateKey::generate();
  BaselineSession openssl(server.bytes());
  std::vector<std::unique_ptr<SymmetricBurst>> bursts;
  std::vector<Contender> contenders;
  for (const std::size_t size : kMessageSizes) {
    bursts.push_back(std::make_unique<SymmetricBurst>(server, size));
    SymmetricBurst& burst = *bursts.back();
    contenders.push_back({.call = [&burst] { burst.answer_pssst(); }, .operations = burst.size()});
    contenders.push_back({.call = [&burst, &openssl] { burst.answer_openssl(openssl); },
                          .operations = burst.size()});
  }
  QuietClock clock;
  const std::vector<Figures> figures = measure_in_turns(
      contenders, {.rounds = arguments.rounds, .window_ms = arguments.window_ms}, clock);
  json sizes = json::array();
  for (std::size_t i = 0; i < kMessageSizes.size(); ++i) {
    const Figures& pssst = figures[2 * i];
    const Figures& baseline = figures[2 * i + 1];
    sizes.push_back({{"message_size", kMessageSizes[i]},
                     {"ticks_median", pssst.median},
                     {"ticks_best", pssst.best},
                     {"openssl_ticks_median", baseline.median},
                     {"openssl_ticks_best", baseline.best},
                     {"against_openssl", speed_ratio(pssst, baseline)}});
  }
  return {{"cpu_name", base::cpu_name()},     {"cpu", arguments.cpu},
          {"tsc_hz", base::tsc_hz()},         {"rounds", arguments.rounds},
          {"window_ms", arguments.window_ms}, {"burst", bursts.front()->size()},
          {"sizes", std::move(sizes)}};
}

int run(int argc, char** argv) {
  CLI::App app(kAbout, "suite1_bench");
  Arguments arguments;
  app.add_option("--rounds", arguments.rounds, "Windows of each contender")
      ->check(CLI::Range(1, 100000));
  app.add_option("--window", arguments.window_ms, "Length of a window, ms")
      ->check(CLI::Range(0.01, 10000.0));
  app.add_option("--cpu", arguments.cpu, "CPU to run on");
  CLI11_PARSE(app, argc, argv);
  if (!pin_to_cpu(arguments.cpu)) {
    static_cast<void>(std::fprintf(stderr, "suite1_bench: may not run on CPU %u\n", arguments.cpu));
    return 1;
  }
  std::printf("%s\n", measure(arguments).dump(1).c_str());
  return 0;
}

}  // namespace
}  // namespace pssst::bench

int main(int argc, char** argv) try {
  return pssst::bench::run(argc, argv);
} catch (const std::exception& error) {
  static_cast<void>(std::fprintf(stderr, "suite1_bench: %s\n", error.what()));
  return 1;
}
