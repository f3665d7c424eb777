#include "pssst/request_burst.hpp"

#include "base/assert.hpp"
#include "base/secret_memory.hpp"
#include "protocol/suite.hpp"
#include "pssst/server.hpp"

namespace pssst {

void RequestBurst::add(std::span<const std::uint8_t> request,
                       const ServerKey& server_key) noexcept {
  PSSST_ASSERT(size < kBurstLanesMax);
  PSSST_ASSERT(request.size() >= protocol::layout_of(server_key.suite()).request_size_min &&
               request.size() <= kDatagramSizeMax);
  const std::size_t lane = size++;
  datagram[lane] = request.data();
  datagram_size[lane] = static_cast<std::uint16_t>(request.size());
  key[lane] = &server_key;
  suite[lane] = server_key.suite();
  const protocol::SuiteLayout& layout = protocol::layout_of(suite[lane]);
  reply_offset[lane] = static_cast<std::uint8_t>(layout.reply_offset);
  reply_overhead[lane] = static_cast<std::uint8_t>(layout.reply_overhead);
  drop[lane] = DropReason::kNone;
  authenticated[lane] = 0;
  message[lane] = nullptr;
  message_size[lane] = 0;
  client[lane] = nullptr;
  has_reply[lane] = 0;
  reply_size[lane] = 0;
  reply_datagram_size[lane] = 0;
}

void RequestBurst::keep(std::size_t i, KeptReply& kept) const noexcept {
  PSSST_ASSERT(i < size && drop[i] == DropReason::kNone);
  kept.datagram = datagram[i];
  kept.datagram_size = datagram_size[i];
  kept.suite = suite[i];
  kept.reply_offset = reply_offset[i];
  kept.reply_overhead = reply_overhead[i];
  kept.authenticated = authenticated[i];
  kept.key_material = key_material[i];
  kept.reply_secret = reply_secret[i];
}

void RequestBurst::add_kept(const KeptReply& kept) noexcept {
  PSSST_ASSERT(size < kBurstLanesMax);
  const std::size_t lane = size++;
  datagram[lane] = kept.datagram;
  datagram_size[lane] = kept.datagram_size;
  key[lane] = nullptr;
  suite[lane] = kept.suite;
  reply_offset[lane] = kept.reply_offset;
  reply_overhead[lane] = kept.reply_overhead;
  drop[lane] = DropReason::kNone;
  authenticated[lane] = kept.authenticated;
  message[lane] = nullptr;
  message_size[lane] = 0;
  client[lane] = nullptr;
  has_reply[lane] = 0;
  reply_size[lane] = 0;
  reply_datagram_size[lane] = 0;
  key_material[lane] = kept.key_material;
  reply_secret[lane] = kept.reply_secret;
}

void RequestBurstDeleter::operator()(RequestBurst* burst) const noexcept {
  base::SecretDeleter<RequestBurst>{}(burst);
}

RequestBurstPointer make_request_burst() {
  return RequestBurstPointer(base::make_secret<RequestBurst>().release());
}

}  // namespace pssst
