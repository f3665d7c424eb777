/// A shared object that holds a handler (pssst/handler.h).
#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "pssst/handler.h"

namespace pssst::server {

/// Loaded until destroyed. What is loaded is a copy, in memory that nobody can change: the file may
/// be written over while it is used, and the same path loads what stands there then. So $ORIGIN in
/// a library's RUNPATH leads nowhere.
class LibraryFile {
 public:
  /// Refuses a file that others may write or that belongs to neither root nor this user, what is no
  /// library, and one whose pssst_library_handler is missing, of another ABI, of other struct
  /// sizes, or says what no handler may. Runs the library's initialisers.
  static base::Result<std::unique_ptr<const LibraryFile>> load(const std::string& path);
  LibraryFile(const LibraryFile&) = delete;
  LibraryFile& operator=(const LibraryFile&) = delete;
  ~LibraryFile();

  [[nodiscard]] const pssst_handler& handler() const noexcept { return *handler_; }

 private:
  LibraryFile(base::FileDescriptor copy, void* library) noexcept;

  /// Open as long as the library is: under its name debuggers find it.
  base::FileDescriptor copy_;
  void* library_;
  const pssst_handler* handler_ = nullptr;
};

/// Whether a library may declare this of itself; `where` is its path.
base::Result<void> check_declaration(const pssst_handler& handler, const std::string& where);

}  // namespace pssst::server
