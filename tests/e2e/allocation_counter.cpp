/// Preloaded into a pssstd (LD_PRELOAD), counts what each of its threads allocates, in a file that
/// a test reads meanwhile: 256 places of thread id and count, two 64-bit words each, in host order.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
// glibc's own names of what stands below.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

struct Place {
  std::atomic<std::uint64_t> thread;
  std::atomic<std::uint64_t> allocations;
};
using Places = std::array<Place, 256>;

Places* places = nullptr;
std::atomic<std::size_t> next{0};
// In the thread's first block: one that is made on demand would allocate.
[[gnu::tls_model("initial-exec")]] thread_local Place* mine = nullptr;

[[gnu::constructor]] void map_places() {
  const char* path = std::getenv("PSSST_ALLOCATIONS");
  const int fd = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* memory = mmap(nullptr, sizeof(Places), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (memory != MAP_FAILED) places = static_cast<Places*>(memory);
}

void count() noexcept {
  if (places == nullptr) return;
  if (mine == nullptr) {
    const std::size_t index = next.fetch_add(1);
    if (index >= places->size()) std::abort();
    mine = &(*places)[index];
    mine->thread.store(static_cast<std::uint64_t>(gettid()));
  }
  mine->allocations.fetch_add(1);
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* memory, std::size_t size) {
  count();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  count();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"
