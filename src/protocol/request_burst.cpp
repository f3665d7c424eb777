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

void RequestBurstDeleter::operator()(RequestBurst* burst) const noexcept {
  base::SecretDeleter<RequestBurst>{}(burst);
}

RequestBurstPointer make_request_burst() {
  return RequestBurstPointer(base::make_secret<RequestBurst>().release());
}

}  // namespace pssst
