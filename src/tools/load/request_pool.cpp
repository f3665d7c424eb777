#include "tools/load/request_pool.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "base/assert.hpp"
#include "base/random.hpp"
#include "base/secret_memory.hpp"
#include "protocol/header.hpp"

namespace pssst::tools::load {
namespace {

using protocol::RequestMaker;

std::vector<double> weights_of(const std::vector<WeightedSize>& sizes) {
  std::vector<double> weights;
  weights.reserve(sizes.size());
  for (const WeightedSize& size : sizes) weights.push_back(size.weight);
  return weights;
}

}  // namespace

RequestPool::RequestPool(RequestMaker& maker, PoolSettings settings)
    : maker_(maker),
      expectation_(std::move(settings.expectation)),
      requests_(settings.size),
      key_material_(settings.size),
      opened_(kDatagramSizeMax),
      index_(settings.size) {
  PSSST_ASSERT(settings.authenticated_share == 0 || maker.client_count() > 0);
  Mix sizes(weights_of(settings.message_sizes));
  for (Request& request : requests_) {
    request.message_size = static_cast<std::uint16_t>(settings.message_sizes[sizes.draw()].size);
  }
  // Both mixes are periodic. Shuffled in between, they know nothing of each other.
  constexpr std::uint64_t kSeed = 1;  // the same mix in every run
  // NOLINTNEXTLINE(cert-msc32-c,cert-msc51-cpp): nothing here must be hard to foresee
  std::ranges::shuffle(requests_, std::mt19937_64(kSeed));
  Mix kinds({1 - settings.authenticated_share, settings.authenticated_share});
  std::size_t offset = 0;
  std::size_t next_client = 0;
  for (Request& request : requests_) {
    request.client = RequestMaker::kAnonymous;
    if (kinds.draw() == 1) {
      request.client = next_client;
      next_client = (next_client + 1) % maker.client_count();
    }
    request.offset = offset;
    offset += datagram_size(request) + request.message_size;
    PSSST_ASSERT(datagram_size(request) <= kDatagramSizeMax);
  }
  bytes_.resize(offset);
}

RequestPool::~RequestPool() {
  base::wipe(key_material_.data(), key_material_.size() * sizeof(crypto::Bytes32));
  base::wipe(bytes_.data(), bytes_.size());
}

std::size_t RequestPool::datagram_size(const Request& request) noexcept {
  return RequestMaker::request_size(request.client, request.message_size);
}

std::span<std::uint8_t> RequestPool::message(const Request& request) noexcept {
  return std::span(bytes_).subspan(request.offset + datagram_size(request), request.message_size);
}

std::size_t RequestPool::reply_text_size(const Request& request) const noexcept {
  return expectation_.kind == Expectation::Kind::kEcho ? request.message_size
                                                       : expectation_.text.size();
}

DhIndex::Dh RequestPool::dh(const Request& request) const noexcept {
  return std::span(bytes_).subspan(request.offset + kDhOffset).first<kDhSize>();
}

void RequestPool::make(std::span<const std::uint32_t> requests) noexcept {
  PSSST_ASSERT(requests.size() <= RequestMaker::kBatchMax);
  std::array<protocol::RequestPlan, RequestMaker::kBatchMax> plans;
  for (std::size_t k = 0; k < requests.size(); ++k) {
    Request& request = requests_[requests[k]];
    if (request.is_made) index_.erase(dh(request), requests[k]);
    base::fill_random(message(request));
    plans[k] = {.client = request.client,
                .message = message(request),
                .datagram = std::span(bytes_).subspan(request.offset, datagram_size(request)),
                .key_material = &key_material_[requests[k]]};
  }
  maker_.seal(std::span(plans).first(requests.size()));
  for (const std::uint32_t i : requests) {
    requests_[i].is_made = true;
    index_.insert(dh(requests_[i]), i);
  }
}

void RequestPool::make_all() noexcept {
  std::array<std::uint32_t, RequestMaker::kBatchMax> batch;
  for (std::size_t i = 0; i < size();) {
    std::size_t count = 0;
    for (; count < batch.size() && i < size(); ++i) batch[count++] = static_cast<std::uint32_t>(i);
    make(std::span(batch).first(count));
  }
}

std::span<const std::uint8_t> RequestPool::datagram(std::size_t i) const noexcept {
  return std::span(bytes_).subspan(requests_[i].offset, datagram_size(requests_[i]));
}

bool RequestPool::is_authenticated(std::size_t i) const noexcept {
  return requests_[i].client != RequestMaker::kAnonymous;
}

std::optional<std::uint32_t> RequestPool::find(std::span<const std::uint8_t> reply) const noexcept {
  const DhIndex::Dh wanted = reply.subspan(kDhOffset).first<kDhSize>();
  const auto found = index_.find(wanted);
  if (!found || !std::ranges::equal(dh(requests_[*found]), wanted)) return std::nullopt;
  return found;
}

ReplyCheck RequestPool::check(std::size_t i, std::span<const std::uint8_t> reply) const noexcept {
  const auto [flags, suite] = protocol::read_header(reply.first<kHeaderSize>());
  const std::uint16_t expected = is_authenticated(i) ? kFlagReply | kFlagClientAuth : kFlagReply;
  if (flags != expected || suite != kSuite1) return ReplyCheck::kFlags;
  if (expectation_.kind == Expectation::Kind::kNothing) return ReplyCheck::kText;
  if (reply.size() != kOverheadSize + reply_text_size(requests_[i])) return ReplyCheck::kLength;
  return ReplyCheck::kGood;
}

ReplyCheck RequestPool::open(std::size_t i, std::span<const std::uint8_t> reply) noexcept {
  const Request& request = requests_[i];
  const std::span text = std::span(opened_).first(reply_text_size(request));
  if (!maker_.open_reply(key_material_[i], reply, text)) return ReplyCheck::kTag;
  const std::span<const std::uint8_t> expected = expectation_.kind == Expectation::Kind::kEcho
                                                     ? message(request)
                                                     : std::span(expectation_.text);
  return std::ranges::equal(text, expected) ? ReplyCheck::kGood : ReplyCheck::kText;
}

}  // namespace pssst::tools::load
