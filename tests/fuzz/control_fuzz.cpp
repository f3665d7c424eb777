// Requests at the control socket, and answers to the client: whatever bytes they are, an answer is
// whole lines that repeat nothing of the request, and only whole commands do anything.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "server/control/control_commands.hpp"
#include "server/fake_appliance.hpp"

namespace pssst::server {
namespace {

void check_request(std::string_view request) {
  FakeAppliance appliance;
  const ControlAnswer answer = answer_control(appliance, request);
  PSSST_ASSERT(appliance.reloads + appliance.drains <= 1);
  if (appliance.reloads == 1) PSSST_ASSERT(request.find("reload") != std::string_view::npos);
  if (appliance.drains == 1) {
    PSSST_ASSERT(request.find("drain") != std::string_view::npos && answer.is_good);
    PSSST_ASSERT(!appliance.drain_deadline || appliance.drain_deadline->count() <= 86'400);
  }
  PSSST_ASSERT(answer.text.empty() || answer.text.back() == '\n');
  PSSST_ASSERT(std::ranges::all_of(answer.text, [](char c) { return c == '\n' || c >= ' '; }));
  ControlAnswer decoded;
  PSSST_ASSERT(decode_answer(encode_answer(answer), decoded));
  PSSST_ASSERT(decoded.is_good == answer.is_good && decoded.text == answer.text);
}

void check_answer(std::string_view bytes) {
  ControlAnswer decoded;
  if (decode_answer(bytes, decoded)) PSSST_ASSERT(encode_answer(decoded) == bytes);
}

}  // namespace
}  // namespace pssst::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  pssst::server::check_request(bytes.substr(0, pssst::server::kControlRequestSizeMax));
  pssst::server::check_answer(bytes);
  return 0;
}
