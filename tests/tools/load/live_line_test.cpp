#include "tools/load/live_line.hpp"

#include <gtest/gtest.h>

namespace pssst::tools::load {
namespace {

TEST(LiveLine, TellsWhatHappenedSinceTheLastOne) {
  const Settings settings;
  std::vector<std::unique_ptr<Member>> members;
  for (int i = 0; i < 2; ++i) members.push_back(std::make_unique<Member>());
  GeneratorResults& first = members[0]->results;
  GeneratorResults& second = members[1]->results;
  const Crew crew(settings, std::move(members));
  LiveLine line(crew);
  first.counters.sent.add(1000);
  second.counters.lost.add(3);
  second.counters.mismatch_tag.add(2);
  second.latency.record(150'000);
  const std::string text = line.next();
  EXPECT_EQ(text.find("(warming up) "), 0u) << text;
  EXPECT_NE(text.find(", 3 lost, 2 wrong, p50 150 us, p99 150 us"), std::string::npos) << text;
  EXPECT_EQ(text.find(" 0/s sent"), std::string::npos) << text;
  const std::string quiet = line.next();
  EXPECT_EQ(quiet, "(warming up) 0/s sent, 0/s answered, 0 lost");
  first.counters.hostile_sent[0].add(10);
  EXPECT_NE(line.next().find("/s hostile"), std::string::npos);
}

}  // namespace
}  // namespace pssst::tools::load
