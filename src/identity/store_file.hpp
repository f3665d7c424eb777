/// What a store's file tells before SQLite is asked, and after SQLite has failed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "identity/client_source.hpp"

namespace pssst::identity {

/// Which file a path names. A connection goes on reading the file that it opened, also after
/// another was put in its place: compare before each look, and open anew where they differ.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

/// kGone, or kUnreadable if there is something that is no regular file or cannot be looked at.
[[nodiscard]] SourceResult<FileIdentity> identify_file(const std::string& path);

/// What changes when a file is written, or another put in its place.
struct FileStamp {
  FileIdentity identity;
  std::int64_t size = 0;
  std::int64_t written_ns = 0;  ///< since 1970
  bool operator==(const FileStamp&) const = default;
};

/// Nothing if that cannot be told.
[[nodiscard]] std::optional<FileStamp> stamp_file(const std::string& path);

/// As identify_file(), for a file that may be read and does not begin as something else than a
/// store: an empty one passes, for it may be a store in the making. A database with a write-ahead
/// log is kNotADatabase (see Store). No SQLite of this process may have the file locked: closing
/// it, as this does, gives up the locks of the whole process.
[[nodiscard]] SourceResult<FileIdentity> look_at_store(const std::string& path);

/// Why SQLite could not read the file, with `cause`, which it gave: kGone, kUnreadable (the system
/// does not let it be opened), kNotADatabase (another beginning), kTruncated (shorter than its
/// header says); kUnreadable if nothing of that is to be seen. Not for files that SQLite does read:
/// in the midst of a commit one may be shorter than it says. As for locks, see look_at_store().
[[nodiscard]] SourceError explain_failure(const std::string& path, const base::Error& cause);

}  // namespace pssst::identity
