// The program that start.S starts: carries out the requests that the test has put into memory and
// prints results on COM1, a line each; the last line is "end". Compiled for general registers
// alone, so that vector registers hold what the kernel has left in them.
#include "crypto/bochs/payload.hpp"

#include "crypto/x25519_ladders.hpp"

extern "C" {

// What compilers take for granted.
void* memcpy(void* to, const void* from, std::size_t size) noexcept {
  void* const result = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
  return result;
}
void* memset(void* to, int value, std::size_t size) noexcept {
  void* const result = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return result;
}
[[noreturn]] void __stack_chk_fail() noexcept {
  __builtin_trap();
}

}  // extern "C"

namespace pssst::test {
namespace {

using crypto::ProjectivePoint;

constexpr std::size_t kLanesMax = 64;

void write_port(std::uint16_t port, std::uint8_t value) noexcept {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

std::uint8_t read_port(std::uint16_t port) noexcept {
  std::uint8_t value = 0;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

constexpr std::uint16_t kCom1 = 0x3f8;
constexpr std::uint16_t kLineControl = kCom1 + 3;
constexpr std::uint16_t kLineStatus = kCom1 + 5;
constexpr std::uint8_t kMayWrite = 0x20;
constexpr std::uint8_t kAllSent = 0x40;

/// 115200 baud, 8 bits.
void open_com1() noexcept {
  constexpr std::uint8_t kDivisorLatch = 0x80;
  constexpr std::uint8_t kEightBits = 0x03;
  write_port(kLineControl, kDivisorLatch);
  write_port(kCom1, 1);
  write_port(kCom1 + 1, 0);
  write_port(kLineControl, kEightBits);
}

void wait_for_com1(std::uint8_t status) noexcept {
  while ((read_port(kLineStatus) & status) == 0) {
  }
}

void print(char character) noexcept {
  wait_for_com1(kMayWrite);
  write_port(kCom1, static_cast<std::uint8_t>(character));
}

void print(const char* text) noexcept {
  for (; *text != '\0'; ++text) print(*text);
}

void print_hex(const void* data, std::size_t size) noexcept {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  for (std::size_t i = 0; i < size; ++i) {
    print("0123456789abcdef"[bytes[i] >> 4]);
    print("0123456789abcdef"[bytes[i] & 15]);
  }
}

/// Bochs ends when this word is written to its port 0x8900.
[[noreturn]] void shut_down() noexcept {
  wait_for_com1(kAllSent);
  for (;;) {
    for (const char* c = "Shutdown"; *c != '\0'; ++c) {
      write_port(0x8900, static_cast<std::uint8_t>(*c));
    }
  }
}

/// "vpmadd52 LOW HIGH": eight words each, little-endian, of MultiplyAdd52.
void run_multiply_add(const std::uint8_t* input) noexcept {
  MultiplyAdd52 operands;
  memcpy(&operands, input, sizeof operands);
  multiply_add_52(operands);
  print("vpmadd52 ");
  print_hex(operands.low, sizeof operands.low);
  print(' ');
  print_hex(operands.high, sizeof operands.high);
  print('\n');
}

bool any(const VectorRegisters& registers) noexcept {
  std::uint64_t bits = 0;
  for (const auto& zmm : registers.zmm) {
    for (const std::uint64_t word : zmm) bits |= word;
  }
  for (const std::uint64_t k : registers.k) bits |= k;
  return bits != 0;
}

/// Bochs counts an instruction as a tick.
std::uint64_t ticks() noexcept {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
  return std::uint64_t{high} << 32 | low;
}

/// x / z, zero where z is.
void to_bytes(const ProjectivePoint& result, std::uint8_t* bytes) noexcept {
  field_to_bytes(field_multiply(result.x, field_invert(result.z)), bytes);
}

void print_x25519(const std::uint8_t* result) noexcept {
  print("x25519 ");
  print_hex(result, 32);
  print('\n');
}

/// Takes n scalars, then n points. Prints "x25519 RESULT" for each lane; "registers left" if the
/// kernel has not zeroed the vector registers and "written beyond" if it wrote more than n results;
/// "instructions COUNT" of the kernel, in hexadecimal.
void run_ladders(const std::uint8_t* input, std::size_t n) noexcept {
  constexpr std::uint64_t kUntouched = 0xa5a5a5a5a5a5a5a5;
  const std::uint8_t* scalars[kLanesMax];
  ProjectivePoint results[kLanesMax + 1];
  for (std::size_t i = 0; i < n; ++i) scalars[i] = input + 32 * i;
  memset(results, 0xa5, sizeof results);

  VectorRegisters registers;
  const std::uint64_t begin = ticks();
  crypto::x25519_ladders_avx512ifma(scalars, input + 32 * n, results, n);
  const std::uint64_t instructions = ticks() - begin;
  payload_store_vector_registers(registers);

  for (std::size_t i = 0; i < n; ++i) {
    std::uint8_t bytes[32];
    to_bytes(results[i], bytes);
    print_x25519(bytes);
  }
  if (any(registers)) print("registers left\n");
  if (results[n].x.limb[0] != kUntouched) print("written beyond\n");
  print("instructions ");
  for (int shift = 56; shift >= 0; shift -= 8) {
    const auto byte = static_cast<std::uint8_t>(instructions >> shift);
    print_hex(&byte, 1);
  }
  print('\n');
}

/// "x25519 RESULT" after `count` iterations of RFC 7748, section 5.2.
void run_iterations(std::uint64_t count) noexcept {
  std::uint8_t scalar[32] = {9};
  std::uint8_t point[32] = {9};
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint8_t clamped[32];
    memcpy(clamped, scalar, sizeof clamped);
    clamped[0] &= 0xf8;
    clamped[31] = static_cast<std::uint8_t>((clamped[31] & 0x7f) | 0x40);
    const std::uint8_t* const scalars[] = {clamped};
    ProjectivePoint result;
    crypto::x25519_ladders_avx512ifma(scalars, point, &result, 1);
    memcpy(point, scalar, sizeof point);
    to_bytes(result, scalar);
  }
  print_x25519(scalar);
}

/// The requests, one after another: `kind` and `count`, then what that kind takes.
constexpr std::uintptr_t kRequests = 0x200000;
enum class Kind : std::uint64_t { kEnd = 0, kMultiplyAdd = 1, kLadders = 2, kIterations = 3 };
struct Request {
  Kind kind;
  std::uint64_t count;
};

void run_requests() noexcept {
  const auto* next = reinterpret_cast<const std::uint8_t*>(kRequests);
  for (;;) {
    Request request;
    memcpy(&request, next, sizeof request);
    next += sizeof request;
    if (request.kind == Kind::kMultiplyAdd) {
      run_multiply_add(next);
      next += sizeof(MultiplyAdd52);
    } else if (request.kind == Kind::kLadders && request.count <= kLanesMax) {
      run_ladders(next, request.count);
      next += 64 * request.count;
    } else if (request.kind == Kind::kIterations) {
      run_iterations(request.count);
    } else {
      print(request.kind == Kind::kEnd ? "end\n" : "no such request\n");
      return;
    }
  }
}

}  // namespace
}  // namespace pssst::test

void payload_main() noexcept {
  pssst::test::open_com1();
  pssst::test::run_requests();
  pssst::test::shut_down();
}

void payload_exception(std::uint32_t vector) noexcept {
  pssst::test::print("exception ");
  pssst::test::print_hex(&vector, 1);
  pssst::test::print('\n');
  pssst::test::shut_down();
}
