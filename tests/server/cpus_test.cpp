#include "server/cpus.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <thread>

namespace pssst::server {
namespace {

using Cpus = std::vector<unsigned>;

TEST(ParseCpuList, NumbersAndRangesInOrder) {
  EXPECT_EQ(parse_cpu_list("0"), Cpus{0});
  EXPECT_EQ(parse_cpu_list("5,0,2-4"), (Cpus{5, 0, 2, 3, 4}));
  EXPECT_EQ(parse_cpu_list("7-7"), Cpus{7});
  EXPECT_EQ(parse_cpu_list("65535"), Cpus{65535});
}

TEST(ParseCpuList, RefusesAllElse) {
  for (const char* text : {"",    ",",     "1,",         ",1",           "1,,2", "-",   "1-",
                           "-1",  "1-2-3", "x",          "1x",           " 1",   "1 ",  "+1",
                           "0x1", "65536", "4294967296", "0-4294967295", "2-1",  "1,1", "0-3,2"}) {
    const auto parsed = parse_cpu_list(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().where, '"' + std::string(text) + '"');
  }
}

TEST(ChooseCpus, TakesTheFirstAllowedIfNoneIsWanted) {
  const Cpus allowed = allowed_cpus();
  ASSERT_FALSE(allowed.empty());
  EXPECT_TRUE(std::is_sorted(allowed.begin(), allowed.end()));
  EXPECT_EQ(choose_cpus({}), Cpus{allowed.front()});
  EXPECT_EQ(choose_cpus(allowed), allowed);
}

TEST(ChooseCpus, NamesACpuThatDoesNotExist) {
  const auto chosen = choose_cpus({allowed_cpus().front(), 65535});
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().where, "CPU 65535");
  EXPECT_EQ(chosen.error().what, "this machine has no such CPU");
  EXPECT_EQ(chosen.error().remedy.find("choose from "), 0U);
}

TEST(ChooseCpus, NamesACpuThatIsNotAllowed) {
  const Cpus allowed = allowed_cpus();
  if (allowed.size() < 2) GTEST_SKIP() << "needs two CPUs";
  std::thread([&] {
    ASSERT_TRUE(pin_this_thread(allowed[0]));
    EXPECT_EQ(choose_cpus({allowed[0]}), Cpus{allowed[0]});
    const auto chosen = choose_cpus({allowed[1]});
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().what, "this process may not use it");
    EXPECT_EQ(chosen.error().remedy, "choose from " + std::to_string(allowed[0]));
  }).join();
}

TEST(PinThisThread, BindsTheThreadAlone) {
  const Cpus before = allowed_cpus();
  std::thread([&] {
    ASSERT_TRUE(pin_this_thread(before.back()));
    EXPECT_EQ(allowed_cpus(), Cpus{before.back()});
    EXPECT_EQ(sched_getcpu(), static_cast<int>(before.back()));
  }).join();
  EXPECT_EQ(allowed_cpus(), before);
  EXPECT_FALSE(pin_this_thread(65535));
}

TEST(AllowThisThread, LetsTheThreadAndThoseThatItStartsRunThere) {
  const Cpus before = allowed_cpus();
  std::thread([&] {
    ASSERT_TRUE(allow_this_thread({before.back()}));
    EXPECT_EQ(allowed_cpus(), Cpus{before.back()});
    std::thread([&] { EXPECT_EQ(allowed_cpus(), Cpus{before.back()}); }).join();
    ASSERT_TRUE(allow_this_thread(before));
    EXPECT_EQ(allowed_cpus(), before);
  }).join();
  EXPECT_EQ(allowed_cpus(), before);
}

TEST(AllowThisThread, ChangesNothingWhereThereIsNoSuchCpu) {
  const Cpus before = allowed_cpus();
  for (const Cpus& none : {Cpus{}, Cpus{65535}, Cpus{4'000'000'000}}) {
    EXPECT_FALSE(allow_this_thread(none));
    EXPECT_EQ(allowed_cpus(), before);
  }
}

}  // namespace
}  // namespace pssst::server
