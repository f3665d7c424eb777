#include "tools/top/top.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "server/fake_appliance.hpp"

namespace pssst::tools::top {
namespace {

/// What a control socket answers, without one.
class TopOnce : public testing::Test {
 protected:
  TopOnce() {
    appliance_.set(server::busy_report());
    appliance_.set(server::Health{.ready = true, .problems = {}});
  }

  /// What is written to standard output.
  std::string show(const Ask& ask) {
    testing::internal::CaptureStdout();
    const auto shown = watch(ask, 0.1, true);
    std::string text = testing::internal::GetCapturedStdout();
    return shown ? text : shown.error().to_string();
  }
  [[nodiscard]] Ask asking() {
    return [this](std::string_view request) -> base::Result<server::ControlAnswer> {
      return server::answer_control(appliance_, request);
    };
  }

  server::FakeAppliance appliance_;
};

TEST_F(TopOnce, ShowsOneScreen) {
  const std::string text = show(asking());
  EXPECT_TRUE(text.starts_with("pssst " PSSST_VERSION "  avx2  12 clients  generation 3  ready\n"))
      << text;
  EXPECT_NE(text.find("\nCPU 4 "), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_TRUE(text.ends_with("\n"));
}

TEST_F(TopOnce, ShowsWhyTheServerIsNotReady) {
  appliance_.set(server::Health{.ready = false, .problems = {"draining"}});
  EXPECT_NE(show(asking()).find("  NOT READY; draining\n"), std::string::npos);
}

TEST_F(TopOnce, RatesAreThoseBetweenTwoLooks) {
  int looks = 0;
  const std::string text =
      show([&](std::string_view request) -> base::Result<server::ControlAnswer> {
        if (request == "stats --json" && ++looks == 2) {
          server::Report report = server::busy_report();
          report.total.replied += 1'000'000;
          appliance_.set(report);
        }
        return server::answer_control(appliance_, request);
      });
  EXPECT_EQ(looks, 2);
  std::istringstream lines(text);
  for (int line = 0; line < 3; ++line) lines.ignore(200, '\n');
  std::string requests;
  std::string replies;
  lines >> requests >> replies;
  EXPECT_EQ(requests, "0");
  // A million in a tenth of a second, or a little more.
  EXPECT_TRUE(replies.ends_with('M')) << text;
  EXPECT_GT(std::stod(replies), 1) << text;
  EXPECT_LE(std::stod(replies), 10) << text;
}

TEST_F(TopOnce, EndsIfTheServerDoesNotAnswer) {
  EXPECT_EQ(show([](std::string_view) -> base::Result<server::ControlAnswer> {
              return base::fail("nobody there", "socket");
            }),
            "socket: nobody there");
  int requests = 0;
  EXPECT_EQ(show([&](std::string_view request) -> base::Result<server::ControlAnswer> {
              if (++requests > 2) return base::fail("gone", "socket");
              return server::answer_control(appliance_, request);
            }),
            "socket: gone");
}

TEST(Top, NeedsATerminalUnlessOnce) {
  testing::internal::CaptureStdout();
  const auto shown = watch(
      [](std::string_view) -> base::Result<server::ControlAnswer> { return base::fail("asked"); },
      1, false);
  testing::internal::GetCapturedStdout();
  ASSERT_FALSE(shown);
  EXPECT_EQ(shown.error().what, "standard output is no terminal");
}

}  // namespace
}  // namespace pssst::tools::top
