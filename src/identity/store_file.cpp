#include "identity/store_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/file_descriptor.hpp"

namespace pssst::identity {
namespace {

using namespace std::string_view_literals;

// https://www.sqlite.org/fileformat2.html, section 1.3: numbers are big-endian.
constexpr std::size_t kHeaderBytes = 100;
constexpr std::string_view kMagic = "SQLite format 3\0"sv;
constexpr std::size_t kPageSizeOffset = 16;      ///< 2 bytes; 1 means 65536
constexpr std::size_t kWriteVersionOffset = 18;  ///< 1 byte; 2: with a write-ahead log
constexpr std::size_t kReadVersionOffset = 19;   ///< the same
constexpr std::size_t kChangeCountOffset = 24;   ///< 4 bytes
constexpr std::size_t kPageCountOffset = 28;     ///< 4 bytes, valid if the next is the change count
constexpr std::size_t kValidForOffset = 92;      ///< 4 bytes

using Header = std::array<std::uint8_t, kHeaderBytes>;

std::uint64_t read_number(const Header& header, std::size_t offset, std::size_t size) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | header.at(offset + i);
  return number;
}

SourceError error_of(FollowerAlarm alarm, std::string what, const std::string& path,
                     std::string remedy) {
  return {.alarm = alarm,
          .error = {.what = std::move(what), .where = path, .remedy = std::move(remedy)}};
}

SourceError system_error(int number, const std::string& path) {
  const bool gone = number == ENOENT || number == ENOTDIR;
  return error_of(gone ? FollowerAlarm::kGone : FollowerAlarm::kUnreadable,
                  "cannot open the store: " + base::describe_errno(number), path,
                  gone ? "put it back, or a copy of it" : "let the server read it");
}

/// Bytes that the header says there are; nothing if it does not say.
std::optional<std::uint64_t> bytes_claimed(const Header& header) noexcept {
  const std::uint64_t page_size = read_number(header, kPageSizeOffset, 2);
  if (read_number(header, kChangeCountOffset, 4) != read_number(header, kValidForOffset, 4)) {
    return std::nullopt;
  }
  return read_number(header, kPageCountOffset, 4) * (page_size == 1 ? 65536 : page_size);
}

SourceError truncated(std::uint64_t size, std::uint64_t claimed, const std::string& path) {
  return error_of(
      FollowerAlarm::kTruncated,
      "the store is truncated: " + std::to_string(size) + " bytes of " + std::to_string(claimed),
      path, "put back a copy of it");
}

struct Beginning {
  FileIdentity identity;
  std::uint64_t file_size = 0;
  Header header{};
  std::size_t size = 0;  ///< of the header
};

/// kNotADatabase if it is not SQLite's as far as it goes.
SourceResult<Beginning> read_beginning(const std::string& path) {
  const auto identity = identify_file(path);
  if (!identity) return tl::unexpected(identity.error());
  const base::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return tl::unexpected(system_error(errno, path));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return tl::unexpected(system_error(errno, path));
  Beginning beginning{.identity = {.device = status.st_dev, .inode = status.st_ino},
                      .file_size = static_cast<std::uint64_t>(status.st_size)};
  const ssize_t got = ::pread(file.get(), beginning.header.data(), kHeaderBytes, 0);
  if (got < 0) return tl::unexpected(system_error(errno, path));
  beginning.size = static_cast<std::size_t>(got);
  const auto known = std::min(beginning.size, kMagic.size());
  if (std::memcmp(beginning.header.data(), kMagic.data(), known) != 0) {
    return tl::unexpected(error_of(FollowerAlarm::kNotADatabase, "not a SQLite database", path,
                                   "put the store in its place"));
  }
  return beginning;
}

}  // namespace

SourceResult<FileIdentity> identify_file(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return tl::unexpected(system_error(errno, path));
  if (!S_ISREG(file.st_mode)) {
    return tl::unexpected(error_of(FollowerAlarm::kUnreadable, "not a regular file", path,
                                   "put the store in its place"));
  }
  return FileIdentity{.device = file.st_dev, .inode = file.st_ino};
}

std::optional<FileStamp> stamp_file(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return std::nullopt;
  return FileStamp{.identity = {.device = file.st_dev, .inode = file.st_ino},
                   .size = file.st_size,
                   .written_ns = file.st_mtim.tv_sec * 1'000'000'000 + file.st_mtim.tv_nsec};
}

SourceResult<FileIdentity> look_at_store(const std::string& path) {
  const auto beginning = read_beginning(path);
  if (!beginning) return tl::unexpected(beginning.error());
  const bool logged =
      beginning->header[kWriteVersionOffset] > 1 || beginning->header[kReadVersionOffset] > 1;
  if (logged) {
    return tl::unexpected(error_of(FollowerAlarm::kNotADatabase,
                                   "a database with a write-ahead log, which a store must not have",
                                   path, "sqlite3 " + path + " 'PRAGMA journal_mode = DELETE'"));
  }
  return beginning->identity;
}

SourceError explain_failure(const std::string& path, const base::Error& cause) {
  const auto beginning = read_beginning(path);
  if (!beginning) return beginning.error();
  const std::uint64_t size = beginning->file_size;
  if (beginning->size < kHeaderBytes) return truncated(size, kHeaderBytes, path);
  const auto claimed = bytes_claimed(beginning->header);
  if (claimed && size < *claimed) return truncated(size, *claimed, path);
  return {.alarm = FollowerAlarm::kUnreadable, .error = cause};
}

}  // namespace pssst::identity
