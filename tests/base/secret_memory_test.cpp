#include "base/secret_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/sanitizer.hpp"

namespace {

struct Unmapped {
  void* pages = nullptr;
  std::size_t size = 0;
  bool zero = false;
};
Unmapped last_unmapped;

}  // namespace

// Stands before libc's munmap(): what pages hold when they are given back can be seen nowhere else.
extern "C" int observed_munmap(void* pages, std::size_t size) noexcept __asm__("munmap");
extern "C" int observed_munmap(void* pages, std::size_t size) noexcept {
  if (pages == last_unmapped.pages) {
    const auto* const bytes = static_cast<const std::uint8_t*>(pages);
    last_unmapped.size = size;
    last_unmapped.zero = std::all_of(bytes, bytes + size, [](std::uint8_t b) { return b == 0; });
  }
  return static_cast<int>(::syscall(SYS_munmap, pages, size));
}

namespace pssst::base {
namespace {

/// VmFlags of the mapping that holds `address` (proc(5), /proc/pid/smaps).
std::set<std::string> vm_flags(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream stream("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream range(line);
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    if (range >> std::hex >> begin >> dash >> end && dash == '-') {
      inside = begin <= wanted && wanted < end;
    } else if (inside && line.rfind("VmFlags:", 0) == 0) {
      std::istringstream words(line.substr(8));
      return {std::istream_iterator<std::string>(words), {}};
    }
  }
  return {};
}

/// Runs `child` in a forked process; its exit status.
template <class Child>
int exit_status_of(Child child) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(child());
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Wipe, ZeroesExactlyItsBytes) {
  std::array<std::uint8_t, 8> bytes{};
  bytes.fill(0xff);
  wipe(bytes.data() + 1, 6);
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 8>{0xff, 0, 0, 0, 0, 0, 0, 0xff}));
  wipe(nullptr, 0);
}

TEST(Wipe, ZeroesObjects) {
  struct Pair {
    std::uint64_t a;
    std::uint32_t b;
  };
  Pair pair{1, 2};
  wipe_object(pair);
  EXPECT_EQ(pair.a, 0u);
  EXPECT_EQ(pair.b, 0u);
}

TEST(EqualConstantTime, SeesEverySingleBit) {
  std::array<std::uint8_t, 33> a{};
  for (std::size_t i = 0; i < a.size(); ++i) a.at(i) = static_cast<std::uint8_t>(i * 7);
  auto b = a;
  EXPECT_TRUE(equal_constant_time(a.data(), b.data(), a.size()));
  for (std::size_t bit = 0; bit < 8 * a.size(); ++bit) {
    const auto mask = static_cast<std::uint8_t>(1u << bit % 8);
    b.at(bit / 8) ^= mask;
    EXPECT_FALSE(equal_constant_time(a.data(), b.data(), a.size())) << bit;
    EXPECT_TRUE(equal_constant_time(a.data(), b.data(), bit / 8)) << bit;
    b.at(bit / 8) ^= mask;
  }
  EXPECT_TRUE(equal_constant_time(nullptr, nullptr, 0));
}

TEST(SecretPages, AreZeroAlignedAndWritable) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{4096}, std::size_t{10'000}}) {
    auto* const pages = static_cast<std::uint8_t*>(allocate_secret_pages(size));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pages) % 4096, 0u);
    EXPECT_TRUE(std::all_of(pages, pages + size, [](std::uint8_t b) { return b == 0; }));
    std::memset(pages, 0xff, size);
    free_secret_pages(pages, size);
  }
}

TEST(SecretPages, AreKeptOutOfDumpsAndForksAndLocked) {
  void* const pages = allocate_secret_pages(8192);
  const std::set<std::string> flags = vm_flags(pages);
  EXPECT_TRUE(flags.contains("dd")) << "MADV_DONTDUMP";
  EXPECT_TRUE(flags.contains("wf")) << "MADV_WIPEONFORK";
  if (!test::kAddressSanitizer) {
    EXPECT_EQ(flags.contains("lo"), all_secrets_locked()) << "mlock";
  }
  free_secret_pages(pages, 8192);
}

TEST(SecretPages, AreZeroInAForkedChild) {
  auto* const pages = static_cast<std::uint8_t*>(allocate_secret_pages(4096));
  std::memset(pages, 0xff, 4096);
  EXPECT_EQ(exit_status_of([pages] {
              return std::all_of(pages, pages + 4096, [](std::uint8_t b) { return b == 0; }) ? 0
                                                                                             : 1;
            }),
            0);
  EXPECT_EQ(pages[4095], 0xff);
  free_secret_pages(pages, 4096);
}

TEST(SecretPages, AreWipedWhenFreed) {
  constexpr std::size_t kSize = 5000;
  void* const pages = allocate_secret_pages(kSize);
  std::memset(pages, 0xff, 8192);
  last_unmapped = {pages, 0, false};
  free_secret_pages(pages, kSize);
  EXPECT_EQ(last_unmapped.size, 8192u);
  EXPECT_TRUE(last_unmapped.zero);
  last_unmapped = {};
}

TEST(SecretPages, SayWhenTheyAreNotLocked) {
  if (test::kAddressSanitizer) GTEST_SKIP() << "AddressSanitizer makes mlock a success";
  EXPECT_EQ(exit_status_of([] {
              const rlimit none{0, 0};
              if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) return 2;
              // Root's capabilities know no such limit.
              constexpr uid_t kNobody = 65534;
              if (::geteuid() == 0 && ::setuid(kNobody) != 0) return 3;
              free_secret_pages(allocate_secret_pages(4096), 4096);
              return all_secrets_locked() ? 1 : 0;
            }),
            0);
}

TEST(SecretPages, RefuseImpossibleSizes) {
  EXPECT_THROW(static_cast<void>(allocate_secret_pages(0)), std::bad_alloc);
  const std::size_t largest = std::numeric_limits<std::size_t>::max();
  EXPECT_THROW(static_cast<void>(allocate_secret_pages(largest)), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(allocate_secret_pages(largest / 2)), std::bad_alloc);
}

TEST(SecretPages, FreeingNullDoesNothing) {
  free_secret_pages(nullptr, 4096);
}

TEST(MakeSecret, ConstructsDestroysAndWipes) {
  struct Secret {
    explicit Secret(bool* destroyed) noexcept : destroyed_(destroyed) { bytes_.fill(0xaa); }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { *destroyed_ = true; }
    bool* destroyed_;
    std::array<std::uint8_t, 100> bytes_{};
  };
  bool destroyed = false;
  SecretPointer<Secret> secret = make_secret<Secret>(&destroyed);
  EXPECT_EQ(secret->bytes_.back(), 0xaa);
  EXPECT_TRUE(vm_flags(secret.get()).contains("dd"));
  last_unmapped = {secret.get(), 0, false};
  secret.reset();
  EXPECT_TRUE(destroyed);
  EXPECT_TRUE(last_unmapped.zero);
  last_unmapped = {};
}

TEST(MakeSecretArray, ConstructsEachAndWipesAll) {
  struct Secret {
    Secret() noexcept { bytes.fill(0xaa); }
    std::array<std::uint8_t, 100> bytes{};
  };
  constexpr std::size_t kCount = 50;
  SecretArray<Secret> secrets = make_secret_array<Secret>(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(secrets[i].bytes.front(), 0xaa) << i;
    ASSERT_EQ(secrets[i].bytes.back(), 0xaa) << i;
  }
  for (const Secret* const end : {&secrets[0], &secrets[kCount - 1]}) {
    EXPECT_TRUE(vm_flags(end).contains("dd"));
    EXPECT_TRUE(vm_flags(end).contains("wf"));
  }
  last_unmapped = {secrets.get(), 0, false};
  secrets.reset();
  EXPECT_EQ(last_unmapped.size, 8192U) << "5,000 bytes";
  EXPECT_TRUE(last_unmapped.zero);
  last_unmapped = {};
}

TEST(MakeSecretArray, OfNoneIsNull) {
  EXPECT_EQ(make_secret_array<std::uint64_t>(0), nullptr);
}

TEST(MakeSecretArray, RefusesImpossibleSizes) {
  const std::size_t largest = std::numeric_limits<std::size_t>::max();
  EXPECT_THROW(static_cast<void>(make_secret_array<std::uint64_t>(largest)), std::bad_alloc);
  // Times eight it is 16.
  EXPECT_THROW(static_cast<void>(make_secret_array<std::uint64_t>(largest / 8 + 3)),
               std::bad_alloc);
}

TEST(DisableCoreDumps, ClearsTheFlagAndTheLimit) {
  EXPECT_EQ(exit_status_of([] {
              if (!disable_core_dumps()) return 1;
              rlimit limit{1, 1};
              if (::getrlimit(RLIMIT_CORE, &limit) != 0) return 2;
              if (limit.rlim_cur != 0 || limit.rlim_max != 0) return 3;
              return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 4;
            }),
            0);
}

}  // namespace
}  // namespace pssst::base
