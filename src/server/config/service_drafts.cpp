#include "server/config/service_drafts.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "identity/client_list.hpp"
#include "identity/client_table.hpp"
#include "server/config/credentials.hpp"
#include "server/config/reply_record.hpp"
#include "server/handler/handler_factory.hpp"

namespace pssst::server {
namespace {

class DraftsCheck {
 public:
  DraftsCheck(ValueReader& reader, const Configuration& configuration)
      : reader_(reader), configuration_(configuration) {}

  void read(const ServiceDraft& draft) {
    ServiceSettings settings = draft.settings;
    Read read{.draft = &draft, .whole = draft.has_all_keys};
    if (!draft.has_all_types || (settings.handler.empty() && settings.types.empty())) {
      // Whatever it would have been, this one fits everywhere.
      settings.handler = "discard";
      settings.reply.clear();
      settings.options = {};
      settings.types.clear();
      read.whole = false;
    }
    auto service = make_service_without_keys(settings);
    if (!service) return add(draft.place_of("handler"), service.error());
    for (std::size_t i = 0; i < settings.key_files.size(); ++i) {
      auto key = read_service_key(settings, settings.key_files[i]);
      if (!key) {
        read.whole = false;
        add_key_fault(draft.key_places[i], key.error());
        continue;
      }
      service->keys.push_back(std::move(*key));
      read.keys.push_back(i);
    }
    if (auto fit = check_label(settings, service->keys); !fit && read.whole) {
      add(draft.place_of("label"), fit.error());
    }
    service->index = services_.size();
    services_.push_back(std::move(*service));
    read_.push_back(std::move(read));
  }

  void check_together(const ClientLookup& clients) {
    for (const ServiceFault& fault : find_service_faults(services_, clients)) {
      const Read& read = read_[fault.service];
      const bool no_keys = services_[fault.service].keys.empty();
      // What is wrong with its keys has been said.
      if (!read.whole && (fault.part == "second_key" || no_keys)) continue;
      add(fault.part == "keys" && !no_keys ? read.draft->key_places[read.keys[fault.key]]
                                           : read.draft->place_of(std::string(fault.part)),
          fault.error);
    }
  }

  void check_records() {
    for (const Service& service : services_) {
      const HandlerTraits& traits = service.handler->traits();
      if (!traits.replies || !traits.reply_is_pure) continue;
      const Read& read = read_[service.index];
      const auto function =
          reply_function_of(traits, reply_settings(read.draft->settings, *service.handler));
      if (!function) return add(read.draft->place_of("handler"), function.error());
      for (std::size_t i = 0; i < service.keys.size(); ++i) {
        if (service.keys[i].suite() == kSuite1) check_record(read, i, *function);
      }
    }
  }

 private:
  struct Read {
    const ServiceDraft* draft = nullptr;
    bool whole = true;                ///< nothing of it was left out
    std::vector<std::size_t> keys{};  ///< which of the draft's key files its keys are
  };

  void check_record(const Read& read, std::size_t key, const ReplyFunction& function) {
    const Service& service = services_[static_cast<std::size_t>(&read - read_.data())];
    const std::size_t index = read.keys[key];
    const std::string& file = read.draft->settings.key_files[index];
    const Place place = read.draft->key_places[index];
    if (is_credential_file(file) && configuration_.state_directory.empty()) {
      return reader_.add_fault(place,
                               file +
                                   ": a suite 1 key that systemd hands over needs a place "
                                   "where the server writes down what it answers with",
                               "set [server] state_directory, or StateDirectory= in the unit");
    }
    const auto held = check_reply_function(file, service.keys[key].public_key(), function,
                                           configuration_.state_directory);
    if (!held) add(place, held.error());
  }

  void add(Place place, const base::Error& error) {
    reader_.add_fault(place, error.where.empty() ? error.what : error.where + ": " + error.what,
                      error.remedy);
  }

  void add_key_fault(Place place, base::Error error) {
    if (error.remedy.empty()) error.remedy = "name a key file, as pssst genkey makes it";
    add(place, error);
  }

  ValueReader& reader_;
  const Configuration& configuration_;
  std::vector<Service> services_;
  std::vector<Read> read_;
};

}  // namespace

void check_service_drafts(ValueReader& reader, std::span<const ServiceDraft> drafts,
                          const Configuration& configuration, Place clients) {
  std::vector<Identity> identities;
  if (!configuration.clients_file.empty()) {
    auto listed = identity::read_client_list(configuration.clients_file);
    if (listed) {
      identities = std::move(*listed);
    } else {
      const base::Error& error = listed.error();
      reader.add_fault(
          clients, error.where + ": " + error.what,
          error.remedy.empty() ? "name a file with one public key per line" : error.remedy);
    }
  }
  DraftsCheck check(reader, configuration);
  for (const ServiceDraft& draft : drafts) {
    // Without its UDP port there is nothing to compare.
    if (draft.settings.udp_port != 0) check.read(draft);
  }
  check.check_together(identity::ClientTable(std::move(identities)));
  check.check_records();
}

}  // namespace pssst::server
