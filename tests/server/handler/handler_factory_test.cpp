#include "server/handler/handler_factory.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "server/config/configuration.hpp"
#include "server/handler/handler_runtime.hpp"
#include "server/libraries/test_libraries.hpp"
#include "server/test_services.hpp"

namespace pssst::server {
namespace {

class HandlerFactory : public testing::Test {
 protected:
  HandlerOptions probe_options(const std::string& library = "probe") {
    return {.library = test_library(library), .options = {{"probe", probe_.option()}}};
  }
  std::string refusal(const ServiceSettings& settings) {
    const auto made = make_service_handler(settings, &runtime_);
    return made ? "" : made.error().to_string();
  }

  Probe probe_;
  HandlerRuntime runtime_{{0}, 4};
};

TEST_F(HandlerFactory, MakesBuiltInHandlers) {
  const auto made = make_service_handler(make_settings(7700, "echo"), nullptr);
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->traits().name, "echo");
  EXPECT_NE(refusal(make_settings(7700, "nothing")), "");
}

TEST_F(HandlerFactory, MakesAndAttachesThoseOfLibraries) {
  ServiceSettings settings = make_settings(7700, "library");
  settings.options = probe_options();
  settings.options.deadline = std::chrono::milliseconds(250);
  settings.options.in_flight = 3;
  {
    const auto made = make_service_handler(settings, &runtime_);
    ASSERT_TRUE(made) << made.error().to_string();
    EXPECT_EQ((*made)->traits().name, "probe");
    EXPECT_EQ(runtime_.attached(), 1U);
    EXPECT_EQ(probe_.server->service(), "udp-7700");
    EXPECT_EQ(probe_.server->deadline_ms(), 250U);
    EXPECT_EQ(dynamic_cast<const AttachedHandler&>(**made).limits().in_flight, 3U);
  }
  EXPECT_TRUE(eventually([&] { return probe_.saw("fini"); }));
  settings.options.library = "";
  EXPECT_EQ(refusal(settings),
            "service udp-7700: handler library names no library: name the shared object");
}

TEST_F(HandlerFactory, WithoutARuntimeItOnlyLooks) {
  ServiceSettings settings = make_settings(7700, "library");
  settings.options = probe_options();
  ASSERT_TRUE(make_service_handler(settings, nullptr));
  EXPECT_TRUE(probe_.seen().empty());
}

TEST_F(HandlerFactory, GivesMessageTypesTheirHandlers) {
  ServiceSettings settings = make_settings(7700, "");
  settings.types = {{.first = 0, .last = 0, .handler = "ack", .reply = {9}},
                    {.first = 1, .last = 2, .handler = "library", .options = probe_options()}};
  const auto made = make_service_handler(settings, &runtime_);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ((*made)->for_message(Bytes{2})->traits().name, "probe");
  EXPECT_EQ((*made)->for_message(Bytes{0})->traits().name, "ack");
  EXPECT_EQ((*made)->for_message(Bytes{3}), nullptr);
}

TEST_F(HandlerFactory, RefusesTypesThatALibraryDoesNotDeclare) {
  ServiceSettings settings = make_settings(7700, "");
  settings.types = {{.first = 1, .last = 3, .handler = "library", .options = probe_options()}};
  EXPECT_EQ(refusal(settings), test_library("probe") +
                                   ": its handler probe does not take messages of type 3: give "
                                   "that type to another handler");
}

TEST_F(HandlerFactory, ReplySettingsAreAllThatDecidesReplies) {
  const auto of = [](const ServiceSettings& settings) {
    const auto handler = make_service_handler(settings, nullptr);
    EXPECT_TRUE(handler) << handler.error().to_string();
    return handler ? reply_settings(settings, **handler) : Bytes();
  };
  ServiceSettings ack = make_settings(7700, "ack");
  ack.reply = {1, 2};
  // As before there were others than built-in handlers: records of keys say so.
  EXPECT_EQ(of(ack), (Bytes{1, 2}));
  ServiceSettings library = make_settings(7700, "library");
  library.options = probe_options("probe_pure");
  const Bytes plain = of(library);
  library.options.options.emplace_back("table", "meters");
  EXPECT_NE(of(library), plain);
  ServiceSettings typed = make_settings(7700, "");
  typed.types = {{.first = 0, .last = 0, .handler = "ack", .reply = {9}}};
  const Bytes one_type = of(typed);
  typed.types[0].last = 1;
  EXPECT_NE(of(typed), one_type);
  typed.types[0].last = 0;
  typed.types[0].reply = {8};
  EXPECT_NE(of(typed), one_type);
  typed.types[0] = {.first = 1, .last = 1, .handler = "library", .options = probe_options()};
  const Bytes version_1 = of(typed);
  typed.types[0].options.library = test_library("probe_2");
  EXPECT_NE(of(typed), version_1);
}

TEST_F(HandlerFactory, OnlyHandlersThatAreNotBuiltInNeedRoomForLaterReplies) {
  Configuration configuration;
  configuration.later_replies = 100;
  configuration.services = {make_settings(7700, "echo")};
  EXPECT_EQ(later_replies_of(configuration), 0U);
  configuration.services.push_back(make_settings(7701, "library"));
  EXPECT_EQ(later_replies_of(configuration), 100U);
  configuration.services[1] = make_settings(7701, "");
  configuration.services[1].types = {{.handler = "forward"}};
  EXPECT_EQ(later_replies_of(configuration), 100U);
}

}  // namespace
}  // namespace pssst::server
