/// A port whose wire is two lists of frames: it does with each what the DPDK port does, over
/// buffers that end where the frame ends.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/tsc.hpp"
#include "net/drop_capture.hpp"
#include "net/frame.hpp"
#include "net/frame_bytes.hpp"
#include "net/port.hpp"

namespace pssst::fuzz {

using net::test::Bytes;

class FramePort {
 public:
  static constexpr std::size_t kCapacity = 256;
  static constexpr std::size_t kBufferSize = 2048;  ///< an mbuf's

  struct Sent {
    Bytes frame;
    Bytes question;  ///< the frame that it answers
    bool is_reply = false;
  };

  FramePort(net::FrameFilter filter, std::size_t kernel_frames)
      : filter_(std::move(filter)),
        to_kernel_(kernel_frames),
        capture_(net::DropReasons().set(), 1000, 16) {}

  void arrive(Bytes frame) { arrived_.push_back(std::move(frame)); }
  [[nodiscard]] std::vector<Sent> take_sent() { return std::exchange(sent_, {}); }
  [[nodiscard]] net::FrameRing& to_kernel() noexcept { return to_kernel_; }
  [[nodiscard]] net::FrameRing& captured() noexcept { return capture_.ring(); }
  [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }
  [[nodiscard]] const net::FrameFilter& filter() const noexcept { return filter_; }

  // The concept.
  [[nodiscard]] std::size_t receive(std::span<net::Datagram> received) noexcept {
    std::size_t n = 0;
    while (n < received.size() && held_.size() < kCapacity && !arrived_.empty()) {
      Bytes frame = std::move(arrived_.front());
      arrived_.pop_front();
      counters_.frames.add(1);
      if (sort(std::move(frame), received[n])) ++n;
    }
    return n;
  }

  void transmit(std::span<net::Reply> replies) noexcept {
    for (net::Reply& reply : replies) {
      const auto headers =
          static_cast<std::size_t>(reply.to.data - held_.at(reply.to.handle).data());
      const Bytes question = take(reply.to);
      reply.sent = net::fits_mtu(headers, reply.size, filter_);
      if (!reply.sent) {
        reply.drop = DropReason::kReplyOverMtu;
        offer(question, reply.drop);
        continue;
      }
      Bytes frame = question;
      frame.resize(kBufferSize);
      frame.resize(net::make_reply_frame(frame, filter_, {reply.data, reply.size}));
      sent_.push_back({.frame = std::move(frame), .question = question, .is_reply = true});
    }
  }

  void release(const net::Datagram& datagram, DropReason drop) noexcept {
    const Bytes question = take(datagram);
    if (drop != DropReason::kNone) offer(question, drop);
  }

  void wait(std::chrono::microseconds) noexcept {}
  [[nodiscard]] std::size_t capacity() const noexcept { return kCapacity; }
  [[nodiscard]] const net::PortCounters& counters() const noexcept { return counters_; }

 private:
  /// True: a datagram.
  bool sort(Bytes frame, net::Datagram& datagram) {
    frame.shrink_to_fit();
    net::ParsedFrame parsed = net::parse_frame(frame, filter_);
    switch (parsed.verdict) {
      case net::FrameVerdict::kDatagram:
        datagram = {.data = parsed.payload.data(),
                    .size = static_cast<std::uint16_t>(parsed.payload.size()),
                    .udp_port = parsed.udp_port,
                    .source = parsed.source(),
                    .destination = parsed.destination(),
                    .handle = next_handle_};
        held_.emplace(next_handle_++, std::move(frame));  // the bytes stay where they are
        counters_.datagrams.add(1);
        return true;
      case net::FrameVerdict::kQuestion: {
        Bytes answer = frame;
        answer.resize(std::max(answer.size(), net::kAnswerRoom));
        answer.resize(net::make_answer(answer, frame.size(), parsed.question, filter_));
        sent_.push_back({.frame = std::move(answer), .question = std::move(frame)});
        counters_.answered.add(1);
        return false;
      }
      case net::FrameVerdict::kForeign:
        if (to_kernel_.push(frame, {.tsc = base::read_tsc()})) {
          counters_.handed_to_kernel.add(1);
          return false;
        }
        parsed.drop = DropReason::kKernelQueueFull;
        [[fallthrough]];
      case net::FrameVerdict::kDrop:
        PSSST_ASSERT(is_frame_drop(parsed.drop));
        counters_.drops.add(parsed.drop);
        offer(frame, parsed.drop);
        return false;
    }
    return false;
  }

  Bytes take(const net::Datagram& datagram) {
    auto node = held_.extract(datagram.handle);
    PSSST_ASSERT(!node.empty());
    return std::move(node.mapped());
  }

  void offer(const Bytes& frame, DropReason drop) {
    const bool is_kept = capture_.offer(frame, {.tsc = base::read_tsc(), .drop = drop});
    (is_kept ? counters_.captured : counters_.capture_missed).add(1);
  }

  net::FrameFilter filter_;
  net::FrameRing to_kernel_;
  net::DropCapture capture_;
  net::PortCounters counters_;
  std::deque<Bytes> arrived_;
  std::map<std::uintptr_t, Bytes> held_;
  std::uintptr_t next_handle_ = 1;
  std::vector<Sent> sent_;
};

}  // namespace pssst::fuzz
