// Buffers that are not the pool's own: drivers may lend theirs (mlx5 with mprq_en, net_vhost with
// ext-buffer).
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "net/dpdk_port_fixture.hpp"

namespace pssst::net {
namespace {

using namespace test;

/// Memory of a driver, and how often it came back.
class LentBuffer {
 public:
  LentBuffer() {
    info_.free_cb = [](void*, void* returned) { ++*static_cast<unsigned*>(returned); };
    info_.fcb_opaque = &returned_;
    rte_mbuf_ext_refcnt_set(&info_, 1);
  }
  /// `mbuf` is empty.
  void lend(rte_mbuf* mbuf, const Bytes& frame) {
    rte_pktmbuf_attach_extbuf(mbuf, memory_.data(), RTE_BAD_IOVA,
                              static_cast<std::uint16_t>(memory_.size()), &info_);
    std::copy(frame.begin(), frame.end(),
              rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(frame.size())));
  }
  [[nodiscard]] unsigned returned() const { return returned_; }

 private:
  std::vector<std::uint8_t> memory_ = std::vector<std::uint8_t>(2048);
  rte_mbuf_ext_shared_info info_{};
  unsigned returned_ = 0;
};

TEST_F(DpdkPortTest, ADriversOwnBuffersGoBackToIt) {
  LentBuffer replied;
  LentBuffer asked;
  LentBuffer dropped;
  LentBuffer released;
  const auto lend = [](LentBuffer& buffer, const Bytes& frame) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
    ASSERT_NE(mbuf, nullptr);
    buffer.lend(mbuf, frame);
    inject(0, mbuf);
  };
  lend(replied, request(0, Bytes(9, 1)));
  lend(released, request(0, Bytes(9, 2)));
  lend(asked, make_arp_request());
  lend(dropped, Bytes(13, 0));
  std::array<Datagram, 4> received;
  ASSERT_EQ(port_->receive(received), 2u);
  EXPECT_EQ(dropped.returned(), 1u);
  port_->release(received[1]);
  EXPECT_EQ(released.returned(), 1u);
  const Bytes payload(9, 0xcc);
  std::array<Reply, 1> replies{Reply{.to = received[0], .data = payload.data(), .size = 9}};
  port_->transmit(replies);
  EXPECT_TRUE(replies[0].sent);
  EXPECT_EQ(asked.returned() + replied.returned(), 0u) << "they are on their way";
  EXPECT_EQ(sent(0)->size(), make_arp_request().size());
  EXPECT_EQ(sent(0)->size(), kFrameHeaderSize + 9);
  EXPECT_EQ(asked.returned(), 1u);
  EXPECT_EQ(replied.returned(), 1u);
}

}  // namespace
}  // namespace pssst::net
