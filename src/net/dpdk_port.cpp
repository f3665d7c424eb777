#include "net/dpdk_port.hpp"

#include <rte_pause.h>
#include <rte_prefetch.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/assert.hpp"
#include "base/tsc.hpp"
#include "net/dpdk_port_impl.hpp"

namespace pssst::net {
namespace {

constexpr std::uint16_t kPrefetchDistance = 4;
// A full transmit ring drains within a few polls, or the link is the bottleneck.
constexpr unsigned kTransmitAttempts = 16;

std::span<std::uint8_t> frame_of(rte_mbuf* mbuf) noexcept {
  return {rte_pktmbuf_mtod(mbuf, std::uint8_t*), rte_pktmbuf_data_len(mbuf)};
}

std::span<std::uint8_t> room_of(rte_mbuf* mbuf) noexcept {
  return {rte_pktmbuf_mtod(mbuf, std::uint8_t*),
          std::size_t{rte_pktmbuf_data_len(mbuf)} + rte_pktmbuf_tailroom(mbuf)};
}

void set_size(rte_mbuf* mbuf, std::size_t size) noexcept {
  mbuf->data_len = static_cast<std::uint16_t>(size);
  mbuf->pkt_len = static_cast<std::uint32_t>(size);
}

// Whose memory the frame lies in stays said, or that would not go back to its owner. What the
// device found out about a received frame is not: it would read tasks there, and the checksums are
// whole.
void clear_flags(rte_mbuf* mbuf) noexcept {
  mbuf->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
}

}  // namespace

std::uint16_t DpdkQueue::send_staged() noexcept {
  std::uint16_t sent = 0;
  for (unsigned attempt = 0; sent < staged_count && attempt < kTransmitAttempts; ++attempt) {
    if (attempt != 0) rte_pause();
    sent = static_cast<std::uint16_t>(
        sent + rte_eth_tx_burst(device, queue, &staged[sent],
                                static_cast<std::uint16_t>(staged_count - sent)));
  }
  rte_pktmbuf_free_bulk(&staged[sent], staged_count - sent);
  staged_count = 0;
  return sent;
}

bool DpdkQueue::stage_answer(rte_mbuf* mbuf, FrameQuestion question) noexcept {
  const std::span room = room_of(mbuf);
  if (room.size() < kAnswerRoom) return false;
  set_size(mbuf, make_answer(room, rte_pktmbuf_data_len(mbuf), question, filter));
  clear_flags(mbuf);
  staged[staged_count++] = mbuf;
  return true;
}

void DpdkPort::Impl::send_replies(DpdkQueue& queue) noexcept {
  const std::uint16_t sent = queue.send_staged();
  for (std::uint16_t i = 0; i < sent; ++i) {
    queue.staged_reply[i]->sent = true;
    counters->bytes_out.add(queue.staged_reply[i]->size);
  }
}

/// False, with the reason in `parsed`: it is a drop after all.
bool DpdkPort::Impl::hand_to_kernel(std::span<const std::uint8_t> frame, const DpdkQueue& queue,
                                    ParsedFrame& parsed) noexcept {
  if (!queue.has_tap) return false;
  if (frame.size() > FrameRing::kFrameRoom) {
    parsed.drop = DropReason::kFrameOversized;
    return false;
  }
  if (rings->to_kernel->push(frame, {.device = queue.device})) return true;
  parsed.drop = DropReason::kKernelQueueFull;
  return false;
}

void DpdkPort::Impl::capture(std::span<const std::uint8_t> frame, DropReason drop,
                             std::uint16_t device) noexcept {
  if (!rings->capture || !rings->capture->wants(drop)) return;
  const bool is_kept =
      rings->capture->offer(frame, {.tsc = base::read_tsc(), .device = device, .drop = drop});
  (is_kept ? counters->captured : counters->capture_missed).add(1);
}

void DpdkPort::Impl::send_outgoing() noexcept {
  FrameRing& ring = *rings->outgoing;
  for (unsigned i = 0; i < kFrameBurst && !ring.empty(); ++i) {
    // Without a buffer it waits, and what comes behind it: whoever filled the ring counts.
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
    if (mbuf == nullptr) break;
    const FrameRing::Entry entry = ring.front();
    std::memcpy(rte_pktmbuf_mtod(mbuf, void*), entry.frame.data(), entry.frame.size());
    set_size(mbuf, entry.frame.size());
    DpdkQueue& queue = queues[queue_of_device[entry.note.device]];
    queue.staged[queue.staged_count++] = mbuf;
    (entry.note.is_of_kernel ? counters->sent_for_kernel : counters->announced).add(1);
    ring.pop();
  }
  for (DpdkQueue& queue : queues) {
    if (queue.staged_count != 0) queue.send_staged();
  }
}

std::size_t DpdkPort::Impl::receive_burst(DpdkQueue& queue, std::span<Datagram> received) noexcept {
  std::array<rte_mbuf*, kFrameBurst> mbufs;
  const auto limit =
      static_cast<std::uint16_t>(std::min<std::size_t>(received.size(), mbufs.size()));
  const std::uint16_t arrived = rte_eth_rx_burst(queue.device, queue.queue, mbufs.data(), limit);
  counters->frames.add(arrived);

  std::array<rte_mbuf*, kFrameBurst> dropped;
  unsigned dropped_count = 0;
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (std::uint16_t i = 0; i < arrived; ++i) {
    if (i + kPrefetchDistance < arrived) {
      rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + kPrefetchDistance], const void*));
    }
    rte_mbuf* mbuf = mbufs[i];
    // Buffers hold a frame of the largest MTU served; one in segments that fit is the driver's
    // whim.
    ParsedFrame parsed;
    if (rte_pktmbuf_linearize(mbuf) == 0) {
      parsed = parse_frame(frame_of(mbuf), queue.filter, checks_of(*mbuf, queue.checks_checksums));
    } else {
      parsed.drop = DropReason::kFrameOversized;
    }
    switch (parsed.verdict) {
      case FrameVerdict::kDatagram:
        mbuf->port = queue.device;  // not every driver sets it
        received[count++] = {.data = parsed.payload.data(),
                             .size = static_cast<std::uint16_t>(parsed.payload.size()),
                             .udp_port = parsed.udp_port,
                             .source = parsed.source(),
                             .destination = parsed.destination(),
                             .handle = reinterpret_cast<std::uintptr_t>(mbuf)};
        bytes += parsed.payload.size();
        break;
      case FrameVerdict::kQuestion:
        if (queue.stage_answer(mbuf, parsed.question)) break;
        parsed.drop = DropReason::kFrameOversized;
        [[fallthrough]];
      case FrameVerdict::kDrop:
      case FrameVerdict::kForeign:
        dropped[dropped_count++] = mbuf;
        if (parsed.verdict == FrameVerdict::kForeign &&
            hand_to_kernel(frame_of(mbuf), queue, parsed)) {
          counters->handed_to_kernel.add(1);
          break;
        }
        counters->drops.add(parsed.drop);
        capture(frame_of(mbuf), parsed.drop, queue.device);
        break;
    }
  }
  counters->datagrams.add(count);
  counters->bytes_in.add(bytes);
  counters->answered.add(queue.staged_count);
  if (queue.staged_count != 0) queue.send_staged();
  rte_pktmbuf_free_bulk(dropped.data(), dropped_count);
  return count;
}

DpdkPort::DpdkPort(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
DpdkPort::~DpdkPort() = default;

// The next pass begins behind the queue at which this one ran out of room: a flooded queue does not
// starve the others.
std::size_t DpdkPort::receive(std::span<Datagram> received) noexcept {
  Impl& impl = *impl_;
  if (impl.rings->outgoing && !impl.rings->outgoing->empty()) impl.send_outgoing();
  std::size_t count = 0;
  for (std::size_t left = impl.queues.size(); left > 0 && count < received.size(); --left) {
    count += impl.receive_burst(impl.queues[impl.next_queue], received.subspan(count));
    if (++impl.next_queue == impl.queues.size()) impl.next_queue = 0;
  }
  return count;
}

void DpdkPort::transmit(std::span<Reply> replies) noexcept {
  Impl& impl = *impl_;
  for (Reply& reply : replies) {
    reply.sent = false;
    rte_mbuf* mbuf = datagram_mbuf(reply.to);
    PSSST_ASSERT(mbuf != nullptr);
    DpdkQueue& queue = impl.queues[impl.queue_of_device[mbuf->port]];
    const std::span room = room_of(mbuf);
    const auto headers = static_cast<std::size_t>(reply.to.data - room.data());
    const bool fits = fits_mtu(headers, reply.size, queue.filter);
    if (!fits || reply.size > kDatagramSizeMax || headers + reply.size > room.size()) {
      if (!fits) reply.drop = DropReason::kReplyOverMtu;
      impl.capture(frame_of(mbuf), reply.drop, mbuf->port);
      rte_pktmbuf_free(mbuf);
      continue;
    }
    set_size(mbuf, make_reply_frame(room, queue.filter, {reply.data, reply.size}));
    clear_flags(mbuf);
    queue.staged[queue.staged_count] = mbuf;
    queue.staged_reply[queue.staged_count] = &reply;
    if (++queue.staged_count == kFrameBurst) impl.send_replies(queue);
  }
  for (DpdkQueue& queue : impl.queues) {
    if (queue.staged_count != 0) impl.send_replies(queue);
  }
}

void DpdkPort::release(const Datagram& datagram, DropReason drop) noexcept {
  rte_mbuf* mbuf = datagram_mbuf(datagram);
  if (drop != DropReason::kNone) impl_->capture(frame_of(mbuf), drop, mbuf->port);
  rte_pktmbuf_free(mbuf);
}

// Signals cut sleeps short (net_tap lives by them): only the clock ends this one.
// NOLINTNEXTLINE(readability-convert-member-functions-to-static): a member in the Port concept
void DpdkPort::wait(std::chrono::microseconds timeout) noexcept {
  constexpr long kSecondNs = 1'000'000'000;
  timespec deadline{};
  ::clock_gettime(CLOCK_MONOTONIC, &deadline);
  const long ns = deadline.tv_nsec + static_cast<long>(timeout.count() % 1'000'000) * 1000;
  deadline.tv_sec += timeout.count() / 1'000'000 + ns / kSecondNs;
  deadline.tv_nsec = ns % kSecondNs;
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == EINTR) {
  }
}

std::size_t DpdkPort::capacity() const noexcept {
  return impl_->slots;
}
const PortCounters& DpdkPort::counters() const noexcept {
  return *impl_->counters;
}

}  // namespace pssst::net
