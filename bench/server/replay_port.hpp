/// A port whose network is memory: prepared frames in, over and over; of the replies the last are
/// kept.
#pragma once

#include <xmmintrin.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "net/datagram.hpp"
#include "net/frame.hpp"
#include "net/port.hpp"

namespace pssst::bench {

/// Does per frame what the DPDK port does, parse_frame() with checksums and make_reply_frame(), but
/// for the device. As a closed-loop client it has at most `window` requests outstanding.
class ReplayPort {
 public:
  static constexpr std::size_t kCapacity = 1024;  ///< beside what is held for later replies
  static constexpr std::size_t kRepliesKept = 64;

  /// At least `window` frames, all of them datagrams for `filter`; `window` is at most kCapacity.
  /// `later_replies` are those that its worker may hold.
  ReplayPort(const std::vector<std::vector<std::uint8_t>>& frames, net::FrameFilter filter,
             std::size_t window, std::size_t later_replies = 0)
      : filter_(std::move(filter)),
        window_(window),
        capacity_(kCapacity + later_replies),
        frames_(frames.size()),
        sizes_(frames.size()) {
    PSSST_ASSERT(window <= kCapacity && window <= frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      PSSST_ASSERT(frames[i].size() <= kFrameSpace);
      std::copy(frames[i].begin(), frames[i].end(), frames_[i].bytes.begin());
      sizes_[i] = frames[i].size();
    }
  }

  // The concept.
  [[nodiscard]] std::size_t receive(std::span<net::Datagram> received) noexcept {
    const std::size_t n = std::min(received.size(), window_ - held_);
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < n; ++i) {
      _mm_prefetch(frames_[(next_ + kPrefetchDistance) % frames_.size()].bytes.data(), _MM_HINT_T0);
      const net::ParsedFrame parsed =
          net::parse_frame(std::span(frames_[next_].bytes).first(sizes_[next_]), filter_);
      PSSST_ASSERT(parsed.verdict == net::FrameVerdict::kDatagram);
      received[i] = {.data = parsed.payload.data(),
                     .size = static_cast<std::uint16_t>(parsed.payload.size()),
                     .udp_port = parsed.udp_port,
                     .source = parsed.source(),
                     .destination = parsed.destination(),
                     .handle = next_};
      bytes += parsed.payload.size();
      if (++next_ == frames_.size()) next_ = 0;
    }
    held_ += n;
    counters_.frames.add(n);
    counters_.datagrams.add(n);
    counters_.bytes_in.add(bytes);
    return n;
  }

  void transmit(std::span<net::Reply> replies) noexcept {
    for (net::Reply& reply : replies) {
      // A request's own frame would hold the reply, but it is to be received again.
      const std::size_t place = next_sent_++ % kRepliesKept;
      Frame& sent = sent_[place];
      sent_of_[place] = {.frame = reply.to.handle, .size = reply.size};
      std::memcpy(sent.bytes.data(), frames_[reply.to.handle].bytes.data(), net::kFrameHeaderSize);
      static_cast<void>(net::make_reply_frame(sent.bytes, filter_, {reply.data, reply.size}));
      reply.sent = true;
      counters_.bytes_out.add(reply.size);
    }
    held_ -= replies.size();
  }

  void release(const net::Datagram&, DropReason) noexcept { --held_; }
  void wait(std::chrono::microseconds) noexcept {}
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] const net::PortCounters& counters() const noexcept { return counters_; }

  [[nodiscard]] std::uint64_t sent_count() const noexcept { return next_sent_; }
  struct Answer {
    std::size_t frame;                       ///< which of the frames it answers
    std::span<const std::uint8_t> datagram;  ///< good until kRepliesKept more were sent
  };
  /// The reply before the last `age` ones, fewer than kRepliesKept; there were as many.
  [[nodiscard]] Answer sent(std::size_t age) const noexcept {
    PSSST_ASSERT(age < kRepliesKept && age < next_sent_);
    const std::size_t place = (next_sent_ - 1 - age) % kRepliesKept;
    return {.frame = sent_of_[place].frame,
            .datagram =
                std::span(sent_[place].bytes).subspan(net::kFrameHeaderSize, sent_of_[place].size)};
  }

 private:
  /// As mbufs lie: an odd number of cache lines apart, or all frames would share a few cache sets.
  static constexpr std::size_t kFrameSpace = std::size_t{37} * 64;
  static constexpr std::size_t kPrefetchDistance = 4;

  struct alignas(64) Frame {
    std::array<std::uint8_t, kFrameSpace> bytes{};
  };
  struct SentOf {
    std::size_t frame = 0;
    std::size_t size = 0;
  };

  net::FrameFilter filter_;
  std::size_t window_;
  std::size_t capacity_;
  std::vector<Frame> frames_;
  std::vector<std::size_t> sizes_;
  std::vector<Frame> sent_ = std::vector<Frame>(kRepliesKept);
  std::array<SentOf, kRepliesKept> sent_of_{};
  std::size_t next_sent_ = 0;
  std::size_t next_ = 0;
  std::size_t held_ = 0;
  net::PortCounters counters_;
};

static_assert(net::Port<ReplayPort>);

}  // namespace pssst::bench
