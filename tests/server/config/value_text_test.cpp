#include "server/config/value_text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace pssst::server {
namespace {

using std::chrono::milliseconds;

TEST(ValueText, Durations) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("30s"), milliseconds(30'000));
  EXPECT_EQ(parse_duration("2m"), milliseconds(120'000));
  EXPECT_EQ(parse_duration("1h"), milliseconds(3'600'000));
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
  EXPECT_EQ(parse_duration("9223372036854775807ms"), milliseconds::max());
  for (const char* bad : {"", "s", "30", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1d", "1S",
                          "9223372036854775808ms", "9223372036854775807s", "0x10s"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST(ValueText, Modes) {
  EXPECT_EQ(parse_mode("0660"), 0660U);
  EXPECT_EQ(parse_mode("00"), 0U);
  EXPECT_EQ(parse_mode("0777"), 0777U);
  for (const char* bad : {"", "0", "660", "0680", "01777", "0x1", "0-1", "0 7"}) {
    EXPECT_EQ(parse_mode(bad), std::nullopt) << bad;
  }
}

TEST(ValueText, ListenAddresses) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:9477"),
            (ListenAddress{.address = "127.0.0.1", .port = 9477}));
  EXPECT_EQ(parse_listen_address("[::1]:65535"), (ListenAddress{.address = "::1", .port = 65535}));
  for (const char* bad :
       {"", "9477", ":9477", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "[::1]", "127.0.0.1:65536",
        "::1:9477", "[127.0.0.1]:1", "localhost:1", "[]:1", "[:1", "127.0.0.1:1x", "[::1:1"}) {
    EXPECT_EQ(parse_listen_address(bad), std::nullopt) << bad;
  }
}

TEST(ValueText, PciAddresses) {
  EXPECT_TRUE(is_pci_address("0000:81:00.0"));
  EXPECT_TRUE(is_pci_address("00fe:af:1f.7"));
  for (const char* bad : {"", "81:00.0", "0000:81:00.8", "0000:8G:00.0", "0000:81:00,0",
                          "0000:81:00.0 ", "0000-81:00.0", "0000:AF:00.0"}) {
    EXPECT_FALSE(is_pci_address(bad)) << bad;
  }
}

TEST(ValueText, Quotes) {
  EXPECT_EQ(in_quotes("grüße"), "\"grüße\"");
  EXPECT_EQ(in_quotes("a\nb\x7f\x1b"), "\"a\\x0ab\\x7f\\x1b\"");
  EXPECT_EQ(in_quotes(std::string(80, 'x')), "\"" + std::string(80, 'x') + "\"");
  EXPECT_EQ(in_quotes(std::string(81, 'x')), "\"" + std::string(80, 'x') + "...\"");
  EXPECT_EQ(in_quotes(std::string(79, 'x') + "üüü"), "\"" + std::string(79, 'x') + "...\"")
      << "no half characters";
}

TEST(ValueText, NearestNames) {
  constexpr std::array<std::string_view, 4> kNames{"memory_mb", "pci", "queue_size", "eal"};
  EXPECT_EQ(nearest_name("memroy_mb", kNames), "memory_mb");
  EXPECT_EQ(nearest_name("memory", kNames), "memory_mb");
  EXPECT_EQ(nearest_name("queuesize", kNames), "queue_size");
  EXPECT_EQ(nearest_name("PCI", kNames), "") << "three letters of three";
  EXPECT_EQ(nearest_name("pc", kNames), "pci");
  EXPECT_EQ(nearest_name("color", kNames), "");
  EXPECT_EQ(nearest_name("", kNames), "");
  EXPECT_EQ(nearest_name(std::string(100'000, 'm'), kNames), "");
}

}  // namespace
}  // namespace pssst::server
