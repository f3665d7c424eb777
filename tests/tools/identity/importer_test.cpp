#include "tools/identity/importer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "base/file_descriptor.hpp"
#include "base/hex.hpp"
#include "tools/temporary_folder.hpp"

namespace pssst::tools {
namespace {

using identity::Store;

/// Public keys, made once: each costs a multiplication.
std::string key(std::size_t i) {
  static std::vector<std::string> keys;
  while (keys.size() <= i) keys.push_back(base::to_hex(PrivateKey::generate().public_key()));
  return keys[i];
}

class ImporterTest : public testing::Test {
 protected:
  [[nodiscard]] Store open() const {
    return std::move(Store::open(folder_.path() + "/store", Store::Mode::kCreate,
                                 std::chrono::milliseconds(1000))
                         .value());
  }
  base::Result<void> import(const std::string& contents, unsigned threads = 2) {
    counts_ = {};
    complaints_.clear();
    const base::FileDescriptor file(
        ::open(folder_.file("lines", contents).c_str(), O_RDONLY | O_CLOEXEC));
    LineSource source(file.get(), "lines", identity::kClientLineSizeMax);
    Store store = open();
    settings_.threads = threads;
    settings_.complain = [this](std::uint64_t line, const base::Error& error) {
      EXPECT_FALSE(complaints_.contains(line));
      complaints_[line] = error.what;
    };
    settings_.progress = [this](const ImportCounts& counts, std::uint64_t bytes) {
      EXPECT_GT(bytes, 0U);
      seen_ = counts;
    };
    return import_clients(source, store, settings_, counts_);
  }
  [[nodiscard]] std::optional<identity::ClientRecord> find(const std::string& digits) const {
    PublicKey bytes{};
    EXPECT_TRUE(base::from_hex(digits, bytes));
    return open().find(bytes).value();
  }
  void expect_counts(std::uint64_t added, std::uint64_t changed, std::uint64_t same,
                     std::uint64_t bad) const {
    EXPECT_EQ(counts_.added, added);
    EXPECT_EQ(counts_.changed, changed);
    EXPECT_EQ(counts_.same, same);
    EXPECT_EQ(counts_.bad, bad);
  }

  test::TemporaryFolder folder_;
  ImportSettings settings_;
  ImportCounts counts_;
  ImportCounts seen_;
  std::map<std::uint64_t, std::string> complaints_;
};

TEST_F(ImporterTest, FindsTheFormat) {
  ASSERT_TRUE(import("\xef\xbb\xbf# clients\n\nname,key\nn," + key(0) + "\n"));
  expect_counts(1, 0, 0, 0);
  EXPECT_EQ(counts_.lines, 1U);
  EXPECT_EQ(find(key(0))->name, "n");
  ASSERT_TRUE(import("\n {\"key\":\"" + key(1) + "\",\"name\":\"m\"}"));
  EXPECT_EQ(find(key(1))->name, "m");
  ASSERT_TRUE(import(key(2)));
  EXPECT_TRUE(find(key(2)));
  settings_.format = identity::ClientFormat::kJson;
  ASSERT_TRUE(import(key(3)));
  expect_counts(0, 0, 0, 1);
  for (const char* nothing : {"", "\n", "\xef\xbb\xbf", "\xef\xbb\xbf\n\n"}) {
    ASSERT_TRUE(import(nothing));
    expect_counts(0, 0, 0, 0);
  }
}

TEST_F(ImporterTest, NamesBadLinesAndKeepsTheGood) {
  ASSERT_TRUE(import(key(0) + "\n" + "02\n" + key(1) + ",n,a;b\n\n" + key(2) + ",n\n"));
  expect_counts(2, 0, 0, 2);
  EXPECT_EQ(complaints_, (std::map<std::uint64_t, std::string>{
                             {2, "not 64 hexadecimal digits but 2 characters"},
                             {3, "a tag with something else than letters, digits and ._:=@/+-"}}));
  EXPECT_TRUE(find(key(0)));
  EXPECT_FALSE(find(key(1)));
  EXPECT_TRUE(find(key(2)));
}

TEST_F(ImporterTest, WhatTheStoreRefusesIsABadLine) {
  ASSERT_TRUE(import(key(0) + ",n\n" + key(1) + ",n\n" + key(2) + ",n\n" + key(3) + ",m\n"));
  expect_counts(3, 0, 0, 1);
  EXPECT_EQ(complaints_.at(3), "2 other keys of this name are enrolled");
  EXPECT_TRUE(find(key(3)));
}

TEST_F(ImporterTest, AgainItChangesNothing) {
  const std::string lines = key(0) + ",n,t,2026-01-01,,00\n" + key(1) + "\n";
  ASSERT_TRUE(import(lines));
  expect_counts(2, 0, 0, 0);
  const auto sequence = open().summary()->sequence;
  ASSERT_TRUE(import(lines));
  expect_counts(0, 0, 2, 0);
  EXPECT_EQ(open().summary()->sequence, sequence);
  ASSERT_TRUE(import(key(0) + ",o\n" + key(1) + ",,,,,,revoked\n"));
  expect_counts(0, 2, 0, 0);
  EXPECT_EQ(find(key(0))->name, "o");
  EXPECT_EQ(find(key(0))->tags, "t");
  ASSERT_TRUE(import(lines));
  // Nobody is enrolled again who is only listed.
  EXPECT_TRUE(find(key(1))->revoked);
}

TEST_F(ImporterTest, AHeaderThatIsNotUnderstoodIsAnErrorWithItsLine) {
  const auto imported = import("\nkey,colour\n" + key(0) + ",red\n");
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().where, "lines:2");
  EXPECT_FALSE(find(key(0)));
}

TEST_F(ImporterTest, ManyLinesByManyThreads) {
  constexpr std::size_t kLines = 70'000;
  std::string lines;
  for (std::size_t i = 0; i < kLines; ++i) {
    lines += i % 1000 == 999 ? "bad\n" : key(i % 7) + "," + std::to_string(i) + "\n";
  }
  ASSERT_TRUE(import(lines, 3));
  EXPECT_EQ(counts_.lines, kLines);
  EXPECT_EQ(seen_.lines, kLines);
  expect_counts(7, kLines - 7 - kLines / 1000, 0, kLines / 1000);
  for (const auto& [line, what] : complaints_) EXPECT_EQ(line % 1000, 0U) << what;
  EXPECT_EQ(find(key((kLines - 2) % 7))->name, std::to_string(kLines - 2));
}

TEST_F(ImporterTest, ParsesItsShareWhateverTheNumberOfThreads) {
  LineBatch batch;
  for (std::size_t i = 0; i < 10; ++i) batch.lines.emplace_back(i % 2 == 0 ? "" : "bad");
  batch.first_line = 5;
  const identity::ClientLineParser parser(identity::ClientFormat::kCsv);
  for (const unsigned threads : {0U, 1U, 3U, 10U, 50U}) {
    for (const std::size_t first : {0U, 1U, 9U, 10U, 11U}) {
      const auto parsed = parse_batch(parser, batch, first, threads);
      ASSERT_EQ(parsed.size(), 10 - std::min<std::size_t>(first, 10));
      for (std::size_t i = 0; i < parsed.size(); ++i) {
        EXPECT_EQ(parsed[i].line, 5 + first + i);
        EXPECT_EQ(parsed[i].update.has_value(), (first + i) % 2 == 0);
      }
    }
  }
}

TEST_F(ImporterTest, StopsWhenTold) {
  const std::atomic<bool> stop = true;
  settings_.stop = &stop;
  ASSERT_TRUE(import(key(0) + "\n"));
  EXPECT_EQ(counts_.lines, 0U);
  EXPECT_FALSE(find(key(0)));
}

TEST_F(ImporterTest, HoldsTheStoreOnlyWhileThereIsInput) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const base::FileDescriptor out(ends[0]);
  std::thread import([&] {
    LineSource source(out.get(), "pipe", identity::kClientLineSizeMax);
    Store store = open();
    ImportSettings settings{.format = {},
                            .threads = 1,
                            .complain = [](auto, const auto&) {},
                            .progress = [](const auto&, auto) {},
                            .stop = nullptr};
    EXPECT_TRUE(import_clients(source, store, settings, counts_));
  });
  {
    const base::FileDescriptor in(ends[1]);
    // More than is read at a time, so that some is in the store already.
    std::string lines;
    while (lines.size() < 3'000'000) lines += key(0) + "\n";
    ASSERT_EQ(::write(in.get(), lines.data(), lines.size()), static_cast<ssize_t>(lines.size()));
    std::this_thread::sleep_for(std::chrono::milliseconds(1200));
    EXPECT_TRUE(open().begin());
  }
  import.join();
}

}  // namespace
}  // namespace pssst::tools
