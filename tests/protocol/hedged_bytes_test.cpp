#include "protocol/hedged_bytes.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <vector>

#include "protocol/protocol_testing.hpp"

namespace pssst::testing {
namespace {

using protocol::HedgedBytes;

constexpr std::size_t kLanes = 64;
constexpr HedgedBytes::Fresh kStale{};  ///< what a broken generator gives, again and again

class HedgedBytesTest : public ::testing::Test {
 protected:
  using Blocks = std::array<HedgedBytes::Block, kLanes>;

  static std::unique_ptr<crypto::SymmetricEngine> make_engine() {
    return std::move(*crypto::SymmetricEngine::create());
  }

  static Blocks draw(HedgedBytes& hedged, crypto::SymmetricEngine& engine,
                     std::span<const HedgedBytes::Use> uses, const HedgedBytes::Fresh* fresh) {
    Blocks blocks{};
    std::array<std::uint8_t*, kLanes> out{};
    for (std::size_t i = 0; i < uses.size(); ++i) out[i] = blocks[i].data();
    if (fresh != nullptr) {
      hedged.draw_from(engine, *fresh, uses, out.data(), sizeof blocks[0]);
    } else {
      hedged.draw(engine, uses, out.data(), sizeof blocks[0]);
    }
    engine.clear_keys();
    return blocks;
  }

  HedgedBytes::Use use() const { return {.id = id_.data(), .text = text_}; }

  Random random_{47};
  Bytes id_ = random_.bytes(16);
  Bytes text_ = random_.bytes(100);
  std::unique_ptr<crypto::SymmetricEngine> engine_ = make_engine();
  HedgedBytes hedged_;
};

TEST_F(HedgedBytesTest, NothingRepeats) {
  const std::vector<HedgedBytes::Use> uses(kLanes, use());
  std::set<HedgedBytes::Block> seen;
  for (int i = 0; i < 100; ++i) {
    for (const auto& block : draw(hedged_, *engine_, uses, nullptr)) seen.insert(block);
  }
  EXPECT_EQ(seen.size(), 100 * kLanes);
}

TEST_F(HedgedBytesTest, StaleRandomnessGivesOtherBytesForOtherUses) {
  const auto of = [&](const HedgedBytes::Use& one) {
    return draw(hedged_, *engine_, {&one, 1}, &kStale)[0];
  };
  const HedgedBytes::Block block = of(use());
  EXPECT_EQ(of(use()), block);  // The same use gets the same bytes, and no harm is done.
  Bytes id = id_;
  id[15] ^= 1;
  EXPECT_NE(of({.id = id.data(), .text = text_}), block);
  Bytes text = text_;
  text[99] ^= 1;
  EXPECT_NE(of({.id = id_.data(), .text = text}), block);
  text = text_;
  text.push_back(0);
  EXPECT_NE(of({.id = id_.data(), .text = text}), block);
  EXPECT_NE(of({.id = id_.data(), .text = {}}), block);
  HedgedBytes::Fresh fresh{};
  fresh[3] = 1;
  const auto one = use();
  EXPECT_NE(draw(hedged_, *engine_, {&one, 1}, &fresh)[0], block);
}

TEST_F(HedgedBytesTest, EachGeneratorAndEachDeviceHasKeysOfItsOwn) {
  HedgedBytes other;
  const auto one = use();
  const auto block = draw(hedged_, *engine_, {&one, 1}, &kStale)[0];
  EXPECT_NE(draw(other, *engine_, {&one, 1}, &kStale)[0], block);
  hedged_.add_device_secret(*engine_, id_);
  EXPECT_NE(draw(hedged_, *engine_, {&one, 1}, &kStale)[0], block);
}

TEST_F(HedgedBytesTest, AForkedChildDrawsOthersEvenFromStaleRandomness) {
  const std::vector<HedgedBytes::Use> uses(kLanes, use());
  static_cast<void>(draw(hedged_, *engine_, uses, &kStale));  // The keys are there before the fork.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // The engine's own pages are empty here, too.
    const auto engine = make_engine();
    const Blocks blocks = draw(hedged_, *engine, uses, &kStale);
    const bool written = ::write(ends[1], &blocks, sizeof blocks) == sizeof blocks;
    ::_exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  Blocks of_child{};
  std::size_t got = 0;
  while (got < sizeof of_child) {
    const ssize_t n =
        ::read(ends[0], reinterpret_cast<char*>(&of_child) + got, sizeof of_child - got);
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  ::close(ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(got, sizeof of_child);
  std::set<HedgedBytes::Block> all(of_child.begin(), of_child.end());
  EXPECT_EQ(all.size(), kLanes);
  const Blocks of_parent = draw(hedged_, *engine_, uses, &kStale);
  all.insert(of_parent.begin(), of_parent.end());
  EXPECT_EQ(all.size(), 2 * kLanes);
}

}  // namespace
}  // namespace pssst::testing
