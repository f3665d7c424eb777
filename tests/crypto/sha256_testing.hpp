/// For tests that every SHA-256 kernel has to pass.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crypto/reference.hpp"
#include "crypto/sha256.hpp"

namespace pssst::test {

using Bytes = std::vector<std::uint8_t>;

/// One run for each kernel that this CPU has.
class Sha256KernelTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto made = crypto::Sha256Engine::create(GetParam());
    ASSERT_TRUE(made.has_value()) << made.error().to_string();
    engine_ = std::move(*made);
    EXPECT_EQ(engine_->kernel(), GetParam());
  }

  std::unique_ptr<crypto::Sha256Engine> engine_;
};

inline std::vector<std::string> sha256_kernel_names() {
  std::vector<std::string> names;
  for (const crypto::Sha256Kernel& kernel : crypto::sha256_kernels()) {
    if (kernel.supported()) names.emplace_back(kernel.name);
  }
  return names;
}

inline std::string sha256_kernel_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}

/// Strings of bytes, one a lane, and the pointers that functions of lanes want.
class LaneBytes {
 public:
  LaneBytes(std::size_t lanes, std::size_t size) : bytes_(lanes, Bytes(size)) {}
  explicit LaneBytes(std::vector<Bytes> bytes) : bytes_(std::move(bytes)) {}
  LaneBytes(SeededBytes& random, std::size_t lanes, std::size_t size) : LaneBytes(lanes, size) {
    for (Bytes& each : bytes_) random.fill(each);
  }

  Bytes& operator[](std::size_t lane) { return bytes_[lane]; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] const std::uint8_t* const* in() {
    in_.clear();
    for (const Bytes& each : bytes_) in_.push_back(each.data());
    return in_.data();
  }
  [[nodiscard]] std::uint8_t* const* out() {
    out_.clear();
    for (Bytes& each : bytes_) out_.push_back(each.data());
    return out_.data();
  }
  [[nodiscard]] crypto::MessagePart part() {
    return crypto::MessagePart::each(in(), bytes_.front().size());
  }

 private:
  std::vector<Bytes> bytes_;
  std::vector<const std::uint8_t*> in_;
  std::vector<std::uint8_t*> out_;
};

/// HMAC keys, one a lane.
class LaneKeys {
 public:
  explicit LaneKeys(std::size_t lanes) : keys_(lanes) {
    for (crypto::HmacKey& key : keys_) {
      in_.push_back(&key);
      out_.push_back(&key);
    }
  }
  crypto::HmacKey& operator[](std::size_t lane) { return keys_[lane]; }
  [[nodiscard]] const crypto::HmacKey* const* in() const { return in_.data(); }
  [[nodiscard]] crypto::HmacKey* const* out() { return out_.data(); }

 private:
  std::vector<crypto::HmacKey> keys_;
  std::vector<const crypto::HmacKey*> in_;
  std::vector<crypto::HmacKey*> out_;
};

}  // namespace pssst::test
