/// A worker allocates nothing per packet. This program counts every allocation by operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "server/worker_fixture.hpp"

namespace {

std::atomic<std::size_t> allocations{0};

void* counted_allocation(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return counted_allocation(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new[](std::size_t size) {
  return counted_allocation(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted_allocation(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return counted_allocation(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace pssst::server {
namespace {

class WorkerAllocation : public WorkerTest {
 protected:
  /// Every kind of datagram: answered, unanswered, dropped at each stage.
  void put_all_kinds() {
    for (std::uint8_t i = 0; i < 40; ++i) {
      call(kEchoPort, Bytes(i, i), i % 2 == 0 ? &enrolled_ : nullptr);
      call(kDiscardPort, {i});
      call(kAckPort, {i}, &enrolled_);
      call(kTimePort, {i}, i % 2 == 0 ? &enrolled_ : nullptr);
      call(kTimePort, {i}, &stranger_);
      call(kTooLongPort, {i});
      call(kEchoPort, {i}, &stranger_);
      port_.put(junk(), kEchoPort, MemoryPort::source(10, 0, i));
      port_.put(Bytes(3), kEchoPort);
      port_.put(Bytes(60), kEchoPort);
    }
    put_junk(600, MemoryPort::source(10, 1, 1));
  }
};

TEST_F(WorkerAllocation, TheCountCounts) {
  const std::size_t before = allocations;
  const auto one = std::make_unique<int>(1);
  EXPECT_EQ(allocations, before + 1);
}

TEST_F(WorkerAllocation, NothingIsAllocatedAfterTheStart) {
  put_all_kinds();
  poll_all();
  const Books warm = books();
  put_all_kinds();
  const std::size_t before = allocations;
  poll_all();
  const std::size_t after = allocations;
  EXPECT_EQ(after, before);
  const Books now = books();
  EXPECT_GE(now.replied, warm.replied + 20);
  EXPECT_GT(drops(DropReason::kQueueFull), 0U);
  EXPECT_GT(drops(DropReason::kTag), 0U);
  EXPECT_GT(drops(DropReason::kClientUnknown), 0U);
  EXPECT_GT(worker_->counters().suites[1].replied.read(), 20U);
}

}  // namespace
}  // namespace pssst::server
