#include "server/counter_slots.hpp"

#include <algorithm>

namespace pssst::server {
namespace {

/// The place of `value`, or a free one, which becomes its.
template <class Places, class Value>
std::optional<std::size_t> place_of(Places& places, const Value& value) {
  auto found = std::ranges::find(places, value);
  if (found == places.end()) {
    found = std::ranges::find_if(places, [](const auto& place) { return !place.has_value(); });
    if (found == places.end()) return std::nullopt;
    *found = value;
  }
  return static_cast<std::size_t>(found - places.begin());
}

template <class Places, class Wanted>
std::vector<std::size_t> free_others(Places& places, const Wanted& wanted) {
  std::vector<std::size_t> freed;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!places.at(i) || wanted(*places.at(i))) continue;
    places.at(i).reset();
    freed.push_back(i);
  }
  return freed;
}

}  // namespace

base::Result<void> CounterSlots::assign(std::span<Service> services) {
  for (Service& service : services) {
    const auto slot = place_of(services_, service.name);
    if (!slot) {
      return base::fail("more than " + std::to_string(services_.size()) + " services",
                        "service " + service.name, "give them to several servers");
    }
    service.slot = *slot;
    service.key_slots.clear();
    for (const ServerKey& key : service.keys) {
      const auto key_slot = place_of(keys_, key.public_key());
      if (!key_slot) {
        return base::fail("more than " + std::to_string(keys_.size()) + " server keys",
                          "service " + service.name, "give them to several servers");
      }
      service.key_slots.push_back(*key_slot);
    }
  }
  return {};
}

CounterSlots::Freed CounterSlots::free_all_but(std::span<const Service> services) {
  Freed freed;
  freed.services = free_others(services_, [&](const std::string& name) {
    return std::ranges::find(services, name, &Service::name) != services.end();
  });
  freed.keys = free_others(keys_, [&](const PublicKey& public_key) {
    return std::ranges::any_of(services, [&](const Service& service) {
      return std::ranges::find(service.keys, public_key, &ServerKey::public_key) !=
             service.keys.end();
    });
  });
  return freed;
}

}  // namespace pssst::server
