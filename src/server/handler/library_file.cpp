#include "server/handler/library_file.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "pssst/wire.hpp"

namespace pssst::server {
namespace {

constexpr const char* kSymbol = "pssst_library_handler";
constexpr off_t kFileSizeMax = off_t{256} << 20;
constexpr std::size_t kNameSizeMax = 64;
constexpr std::uint32_t kTypesMax = 256;
constexpr std::uint32_t kKnownFlags =
    PSSST_PURE | PSSST_SILENT | PSSST_NEEDS_CLIENT | PSSST_ANSWERS_LATER;
constexpr unsigned kMemfdExec = 0x10;  // MFD_EXEC, Linux 6.3

tl::unexpected<base::Error> fail_errno(const std::string& what, const std::string& path) {
  return base::fail(what + ": " + base::describe_errno(errno), path);
}

base::Result<base::FileDescriptor> open_library(const std::string& path) {
  base::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return fail_errno("cannot open the library", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("cannot look at the library", path);
  if (!S_ISREG(status.st_mode) || status.st_size > kFileSizeMax) {
    return base::fail("not a file, or larger than a library may be", path);
  }
  if ((status.st_mode & S_IWOTH) != 0 || (status.st_uid != 0 && status.st_uid != ::geteuid())) {
    return base::fail("others may write the library, and it runs inside the server", path,
                      "let it belong to root or the server's user, and take the right away: chmod "
                      "o-w");
  }
  return file;
}

base::FileDescriptor make_memory_file() {
  for (const unsigned exec : {kMemfdExec, 0U}) {
    base::FileDescriptor made(
        ::memfd_create("pssst-handler", MFD_CLOEXEC | MFD_ALLOW_SEALING | exec));
    if (made.get() >= 0 || errno != EINVAL) return made;
  }
  return base::FileDescriptor();
}

bool write_all(int fd, const std::uint8_t* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written <= 0) return false;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

base::Result<base::FileDescriptor> copy_sealed(int file, const std::string& path) {
  base::FileDescriptor copy = make_memory_file();
  if (copy.get() < 0) return fail_errno("no memory to copy the library to", path);
  std::array<std::uint8_t, 65536> piece;
  for (;;) {
    const ssize_t size = ::read(file, piece.data(), piece.size());
    if (size < 0) return fail_errno("cannot read the library", path);
    if (size == 0) break;
    if (!write_all(copy.get(), piece.data(), static_cast<std::size_t>(size))) {
      return fail_errno("no memory to copy the library to", path);
    }
  }
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (::fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) {
    return fail_errno("cannot seal the copy of the library", path);
  }
  return copy;
}

/// Another one each time. The loader knows libraries by their names, and some stay loaded when they
/// are closed: it would take one of those for the next copy that has its number. To the kernel it
/// is all the same how many slashes and dots there are.
std::string new_name(const base::FileDescriptor& copy) {
  static std::atomic<std::uint32_t> next{0};
  const std::uint32_t number = next.fetch_add(1, std::memory_order_relaxed);
  std::string name = "/proc/self/fd";
  for (unsigned bit = 0; bit < 32; ++bit) name += (number >> bit & 1) != 0 ? "/." : "/";
  return name + "/" + std::to_string(copy.get());
}

/// What dlopen() said, with the file's own name.
base::Error loading_error(const std::string& copy_name, const std::string& path) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc keeps it per thread
  const char* const said = ::dlerror();
  std::string text = said == nullptr ? "it cannot be loaded" : said;
  if (const auto at = text.find(copy_name); at == 0) {
    text.erase(0, std::min(copy_name.size() + 2, text.size()));
  }
  // The loader's words for what the system call filter refuses.
  const bool refused = text.find("failed to map segment") != std::string::npos;
  return {.what = text,
          .where = path,
          .remedy = refused ? "a server that was started without libraries lets none in later: "
                              "restart it"
                            : ""};
}

/// The declaration, once it is known to be all there.
base::Result<const pssst_handler*> find_declaration(void* library, const std::string& path) {
  const void* const address = ::dlsym(library, kSymbol);
  if (address == nullptr) {
    return base::fail(std::string("it has no symbol ") + kSymbol, path,
                      "define it as pssst/handler.h says, with default visibility");
  }
  Dl_info info{};
  void* found = nullptr;
  const bool known = ::dladdr1(address, &info, &found, RTLD_DL_SYMENT) != 0 && found != nullptr &&
                     info.dli_saddr == address;
  const auto* const symbol = static_cast<const ElfW(Sym)*>(found);
  const std::size_t size = known ? symbol->st_size : 0;
  const auto* const handler = static_cast<const pssst_handler*>(address);
  if (size < sizeof handler->size + sizeof handler->abi) {
    return base::fail(std::string(kSymbol) + " is no struct pssst_handler", path,
                      "define it as pssst/handler.h says");
  }
  if (handler->abi != PSSST_HANDLER_ABI) {
    return base::fail("it is of handler ABI " + std::to_string(handler->abi) +
                          ", and this server of " + std::to_string(PSSST_HANDLER_ABI),
                      path, "compile it with this server's pssst/handler.h");
  }
  if (handler->size != sizeof(pssst_handler) || size < sizeof(pssst_handler)) {
    return base::fail("its struct pssst_handler has " +
                          std::to_string(std::min<std::size_t>(handler->size, size)) +
                          " bytes, and this server's " + std::to_string(sizeof(pssst_handler)),
                      path, "compile it with this server's pssst/handler.h");
  }
  return handler;
}

bool is_name(const char* name) {
  if (name == nullptr) return false;
  const std::size_t size = ::strnlen(name, kNameSizeMax + 1);
  return size > 0 && size <= kNameSizeMax && std::all_of(name, name + size, [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
                  c == '.';
         });
}

}  // namespace

base::Result<void> check_declaration(const pssst_handler& handler, const std::string& where) {
  const auto another_size = [&](const char* name, std::size_t theirs, std::size_t ours) {
    return base::fail(std::string("its struct ") + name + " has " + std::to_string(theirs) +
                          " bytes, and this server's " + std::to_string(ours),
                      where, "compile it with this server's pssst/handler.h");
  };
  if (handler.message_size != sizeof(pssst_message)) {
    return another_size("pssst_message", handler.message_size, sizeof(pssst_message));
  }
  if (handler.server_size != sizeof(pssst_server)) {
    return another_size("pssst_server", handler.server_size, sizeof(pssst_server));
  }
  if (!is_name(handler.name)) {
    return base::fail("its handler has no name", where,
                      "choose 1 to 64 letters, digits, '-', '_' and '.'");
  }
  if (handler.handle_burst == nullptr) {
    return base::fail("its handler has no handle_burst", where, "give it one");
  }
  if ((handler.flags & ~kKnownFlags) != 0) {
    return base::fail("its handler declares what this server does not know: flags " +
                          std::to_string(handler.flags & ~kKnownFlags),
                      where, "use those of pssst/handler.h");
  }
  if (handler.reply_size_max > kReplySizeMax) {
    return base::fail(
        "its handler declares replies of " + std::to_string(handler.reply_size_max) + " bytes",
        where, std::to_string(kReplySizeMax) + " bytes are the most");
  }
  if (handler.type_count > kTypesMax || (handler.type_count > 0 && handler.types == nullptr)) {
    return base::fail("its handler declares " + std::to_string(handler.type_count) +
                          " message types, and names them nowhere or more than there are",
                      where, "name up to 256, or none to take all");
  }
  return {};
}

LibraryFile::LibraryFile(base::FileDescriptor copy, void* library) noexcept
    : copy_(std::move(copy)), library_(library) {}

LibraryFile::~LibraryFile() {
  ::dlclose(library_);
}

base::Result<std::unique_ptr<const LibraryFile>> LibraryFile::load(const std::string& path) {
  const auto file = open_library(path);
  if (!file) return tl::unexpected(file.error());
  auto copy = copy_sealed(file->get(), path);
  if (!copy) return tl::unexpected(copy.error());
  const std::string name = new_name(*copy);
  void* const library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return tl::unexpected(loading_error(name, path));
  std::unique_ptr<LibraryFile> loaded(new LibraryFile(std::move(*copy), library));
  const auto handler = find_declaration(library, path);
  if (!handler) return tl::unexpected(handler.error());
  if (auto fit = check_declaration(**handler, path); !fit) return tl::unexpected(fit.error());
  loaded->handler_ = *handler;
  return loaded;
}

}  // namespace pssst::server
