#include "tools/identity/progress_bar.hpp"

#include <gtest/gtest.h>

namespace pssst::tools {
namespace {

TEST(ProgressText, TellsHowFarItIs) {
  EXPECT_EQ(progress_text(0, 1000, 0, 0), "[>                       ] 0 %, 0 lines");
  EXPECT_EQ(progress_text(500, 1000, 20'000, 2),
            "[============>           ] 50 %, 20,000 lines, 10,000/s, 2 s left");
  EXPECT_EQ(progress_text(1000, 1000, 40'000, 4),
            "[========================] 100 %, 40,000 lines, 10,000/s, 0 s left");
  // A file that grows.
  EXPECT_EQ(progress_text(2000, 1000, 40'000, 4),
            "[========================] 100 %, 40,000 lines, 10,000/s, 0 s left");
}

TEST(ProgressText, OfAPipeNobodyKnowsTheEnd) {
  EXPECT_EQ(progress_text(500, 0, 20'000, 2), "20,000 lines, 10,000/s");
}

TEST(ProgressBar, KeepsOffWhatIsNoTerminal) {
  testing::internal::CaptureStderr();
  {
    ProgressBar bar(1000);
    bar.draw(10, 10);
    bar.clear();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace pssst::tools
