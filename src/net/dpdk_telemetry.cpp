#include "net/dpdk_telemetry.hpp"

#include <rte_errno.h>
#include <rte_telemetry.h>

#include <algorithm>
#include <exception>
#include <mutex>

#include "base/assert.hpp"

namespace pssst::net {
namespace {

/// DPDK's callbacks bring no pointer along.
struct Commands {
  std::mutex mutex;
  bool in_use = false;
  std::vector<TelemetryCommand> now;
  std::vector<std::string> registered;  ///< ever
};

// Never destroyed: DPDK's threads go on until the process ends.
Commands& all_commands() {
  static Commands& all = *new Commands;
  return all;
}

bool add(rte_tel_data* to, const TelemetryFields& fields) noexcept {
  return std::all_of(fields.begin(), fields.end(), [to](const auto& field) {
    const char* const name = field.first.c_str();
    if (const auto* text = std::get_if<std::string>(&field.second)) {
      return rte_tel_data_add_dict_string(to, name, text->c_str()) >= 0;
    }
    return rte_tel_data_add_dict_u64(to, name, std::get<std::uint64_t>(field.second)) >= 0;
  });
}

/// `fill` is called with the container; DPDK frees it when it has been sent.
template <class Fill>
bool add_container(rte_tel_data* to, const std::string& name, Fill fill) noexcept {
  rte_tel_data* const container = rte_tel_data_alloc();
  if (container == nullptr) return false;
  if (fill(container) && rte_tel_data_add_dict_container(to, name.c_str(), container, 0) >= 0) {
    return true;
  }
  rte_tel_data_free(container);
  return false;
}

// What cannot be added is left out; the rest is right without it.
void convert(const TelemetryReply& reply, rte_tel_data* to) noexcept {
  rte_tel_data_start_dict(to);
  add(to, reply.fields);
  for (const auto& [name, fields] : reply.objects) {
    add_container(to, name, [&fields = fields](rte_tel_data* object) {
      rte_tel_data_start_dict(object);
      return add(object, fields);
    });
  }
  for (const auto& [name, texts] : reply.lists) {
    add_container(to, name, [&texts = texts](rte_tel_data* list) {
      rte_tel_data_start_array(list, RTE_TEL_STRING_VAL);
      return std::all_of(texts.begin(), texts.end(), [list](const std::string& text) {
        return rte_tel_data_add_array_string(list, text.c_str()) >= 0;
      });
    });
  }
}

int answer(const char* name, const char* /*parameters*/, rte_tel_data* to) noexcept {
  Commands& all = all_commands();
  const std::lock_guard lock(all.mutex);
  try {
    const auto command = std::find_if(all.now.begin(), all.now.end(),
                                      [name](const auto& known) { return known.name == name; });
    if (command == all.now.end()) return -1;
    convert(command->answer(), to);
    return 0;
  } catch (const std::exception&) {
    return -1;
  }
}

base::Result<void> register_command(const TelemetryCommand& command) {
  auto& registered = all_commands().registered;
  if (std::find(registered.begin(), registered.end(), command.name) != registered.end()) return {};
  const int result = rte_telemetry_register_cmd(command.name.c_str(), answer, command.help.c_str());
  if (result < 0) {
    return base::fail(
        std::string("DPDK does not take the telemetry command: ") + rte_strerror(-result),
        command.name);
  }
  registered.push_back(command.name);
  return {};
}

}  // namespace

base::Result<std::unique_ptr<DpdkTelemetry>> DpdkTelemetry::start(
    std::vector<TelemetryCommand> commands) {
  Commands& all = all_commands();
  const std::lock_guard lock(all.mutex);
  PSSST_ASSERT(!all.in_use);
  for (const TelemetryCommand& command : commands) {
    if (auto known = register_command(command); !known) return tl::unexpected(known.error());
  }
  std::unique_ptr<DpdkTelemetry> telemetry(new DpdkTelemetry);
  all.now = std::move(commands);
  all.in_use = true;
  return telemetry;
}

DpdkTelemetry::~DpdkTelemetry() {
  Commands& all = all_commands();
  const std::lock_guard lock(all.mutex);
  all.now.clear();
  all.in_use = false;
}

}  // namespace pssst::net
