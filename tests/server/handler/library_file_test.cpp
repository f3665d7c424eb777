#include "server/handler/library_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "identity/temporary_folder.hpp"
#include "server/libraries/test_libraries.hpp"

namespace pssst::server {
namespace {

std::string refusal(const std::string& path) {
  const auto loaded = LibraryFile::load(path);
  return loaded ? "" : loaded.error().what;
}

TEST(LibraryFile, LoadsTheSmallestOne) {
  const auto loaded = LibraryFile::load(test_library("smallest"));
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  EXPECT_STREQ((*loaded)->handler().name, "smallest");
  EXPECT_EQ((*loaded)->handler().init, nullptr);
}

struct Wrong {
  std::string library;
  std::string what;
};

class WrongLibrary : public testing::TestWithParam<Wrong> {};

TEST_P(WrongLibrary, IsRefusedWithWhatIsWrong) {
  const auto loaded = LibraryFile::load(test_library(GetParam().library));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().what, GetParam().what);
  EXPECT_EQ(loaded.error().where, test_library(GetParam().library));
  EXPECT_FALSE(loaded.error().remedy.empty());
}

std::string size_of_handler(std::size_t theirs) {
  return "its struct pssst_handler has " + std::to_string(theirs) + " bytes, and this server's " +
         std::to_string(sizeof(pssst_handler));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongLibrary,
    testing::Values(
        Wrong{"wrong_abi", "it is of handler ABI 2, and this server of 1"},
        Wrong{"wrong_size", size_of_handler(sizeof(pssst_handler) - 8)},
        Wrong{"wrong_message_size", "its struct pssst_message has 72 bytes, and this server's 64"},
        Wrong{"wrong_server_size", "its struct pssst_server has 8 bytes, and this server's 64"},
        Wrong{"no_symbol", "it has no symbol pssst_library_handler"},
        Wrong{"another_object", "pssst_library_handler is no struct pssst_handler"},
        Wrong{"no_name", "its handler has no name"},
        Wrong{"unknown_flags", "its handler declares what this server does not know: flags 64"},
        Wrong{"long_replies", "its handler declares replies of 1421 bytes"},
        Wrong{"no_types",
              "its handler declares 3 message types, and names them nowhere or more than there "
              "are"},
        Wrong{"no_handle_burst", "its handler has no handle_burst"}),
    [](const auto& test) { return test.param.library; });

TEST(LibraryFile, RefusesWhatIsNoLibrary) {
  const identity::TemporaryFolder folder;
  EXPECT_EQ(refusal("/nowhere/at_all.so"), "cannot open the library: No such file or directory");
  EXPECT_EQ(refusal(std::string(folder.path("."))), "not a file, or larger than a library may be");
  const auto text = std::filesystem::path(folder.path("text.so"));
  std::ofstream(text) << "this is no library";
  EXPECT_EQ(refusal(text.string()), "file too short");
}

TEST(LibraryFile, RefusesWhatOthersMayWrite) {
  const identity::TemporaryFolder folder;
  const auto library = std::filesystem::path(folder.path("smallest.so"));
  std::filesystem::copy_file(test_library("smallest"), library);
  ASSERT_EQ(::chmod(library.c_str(), 0757), 0);
  EXPECT_EQ(refusal(library.string()),
            "others may write the library, and it runs inside the server");
  ASSERT_EQ(::chmod(library.c_str(), 0755), 0);
  EXPECT_EQ(refusal(library.string()), "");
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  ASSERT_EQ(::chown(library.c_str(), 65534, 65534), 0);
  EXPECT_NE(refusal(library.string()), "");
}

TEST(LibraryFile, TheSamePathLoadsWhatStandsThereNow) {
  const identity::TemporaryFolder folder;
  const auto path = std::filesystem::path(folder.path("handler.so"));
  std::filesystem::copy_file(test_library("smallest"), path);
  const auto first = LibraryFile::load(path.string());
  ASSERT_TRUE(first);
  // Written over where it is: the same file.
  std::filesystem::copy_file(test_library("probe"), path,
                             std::filesystem::copy_options::overwrite_existing);
  const auto second = LibraryFile::load(path.string());
  ASSERT_TRUE(second);
  EXPECT_STREQ((*first)->handler().name, "smallest");
  EXPECT_STREQ((*second)->handler().name, "probe");
  pssst_message message{};
  message.result = PSSST_NO_REPLY;
  (*first)->handler().handle_burst(nullptr, nullptr, &message, 1);
  EXPECT_EQ(message.result, 0);
}

TEST(LibraryFile, OneThatStaysLoadedIsNotTakenForTheNext) {
  // The second one's copy may have the number, and so the name, that the first one's had.
  EXPECT_STREQ(LibraryFile::load(test_library("stays_1")).value()->handler().name, "stays_1");
  EXPECT_STREQ(LibraryFile::load(test_library("stays_2")).value()->handler().name, "stays_2");
}

TEST(LibraryFile, TwoOfOneLibraryHaveNothingInCommon) {
  const auto first = LibraryFile::load(test_library("smallest"));
  const auto second = LibraryFile::load(test_library("smallest"));
  ASSERT_TRUE(first && second);
  EXPECT_NE(&(*first)->handler(), &(*second)->handler());
}

}  // namespace
}  // namespace pssst::server
