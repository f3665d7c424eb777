#include "server/config/reply_memory.hpp"

#include "base/hex.hpp"
#include "server/handler/handler_factory.hpp"

namespace pssst::server {

base::Result<std::vector<KeyFunction>> key_functions_of(std::span<const ServiceSettings> settings,
                                                        std::span<const Service> services) {
  std::vector<KeyFunction> functions;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const HandlerTraits& traits = services[i].handler->traits();
    if (!traits.replies) continue;
    const auto function =
        reply_function_of(traits, reply_settings(settings[i], *services[i].handler));
    if (!function) return tl::unexpected(function.error());
    for (std::size_t k = 0; k < services[i].keys.size(); ++k) {
      const ServerKey& key = services[i].keys[k];
      if (key.suite() == kSuite1) functions.push_back({i, k, key.public_key(), *function});
    }
  }
  return functions;
}

base::Result<void> ReplyMemory::check(std::span<const KeyFunction> functions) const {
  for (const KeyFunction& next : functions) {
    const auto known = functions_.find(next.public_key);
    if (known == functions_.end() || known->second.digest == next.function.digest) continue;
    return base::fail("under this suite 1 key requests were answered by " +
                          known->second.description + "; by " + next.function.description +
                          " they would get a second answer, which lets requests be forged",
                      "key " + base::to_hex(std::span(next.public_key).first(8)),
                      "give the service a new key: pssst genkey");
  }
  return {};
}

void ReplyMemory::add(std::span<const KeyFunction> functions) {
  for (const KeyFunction& one : functions) functions_.emplace(one.public_key, one.function);
}

}  // namespace pssst::server
