#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hex.hpp"
#include "identity/store.hpp"
#include "tools/exit_status.hpp"
#include "tools/identity/who.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

using identity::ClientUpdate;
using identity::Store;

constexpr const char* kCommand = "identity enrol";

constexpr const char* kDescription =
    "Enrol a client's public key, or change its record.\n\n"
    "Makes the store if there is none. What no option names stays as it is. A key that is not "
    "canonical, not on the curve or not of its large prime order is refused: it would be another "
    "name for somebody's key.";

constexpr const char* kFooter = R"(Examples:
  pssst identity enrol clients.db meter7.pub --name meter-7 --tag eu --tag gas
  pssst pubkey < device.key | pssst identity enrol clients.db - --not-after 2027-12-31)";

struct Arguments {
  std::string store;
  std::string key;
  std::optional<std::string> name;
  std::vector<std::string> tags;
  std::optional<std::string> not_before;
  std::optional<std::string> not_after;
  std::optional<std::string> metadata;
  bool again = false;
};

/// Sets what is given; the option's name is the error's place.
template <class Target, class Parsed>
base::Result<void> set(Target& target, Parsed parsed, const char* option) {
  if (!parsed) {
    return base::fail(std::move(parsed.error().what), option, std::move(parsed.error().remedy));
  }
  target = std::move(*parsed);
  return {};
}

base::Result<ClientUpdate> read_options(const Arguments& arguments) {
  using identity::TimeKind;
  ClientUpdate update;
  base::Result<void> done;
  if (arguments.name) {
    done = set(update.name, identity::parse_client_name(*arguments.name), "--name");
  }
  if (done && !arguments.tags.empty()) {
    std::string tags;
    for (const std::string& tag : arguments.tags) tags += tag + " ";
    done = set(update.tags, identity::parse_client_tags(tags), "--tag");
  }
  if (done && arguments.not_before) {
    done = set(update.not_before,
               identity::parse_client_time(*arguments.not_before, TimeKind::kNotBefore),
               "--not-before");
  }
  if (done && arguments.not_after) {
    done =
        set(update.not_after,
            identity::parse_client_time(*arguments.not_after, TimeKind::kNotAfter), "--not-after");
  }
  if (done && arguments.metadata) {
    done = set(update.metadata, identity::parse_client_metadata(*arguments.metadata), "--metadata");
  }
  if (!done) return tl::unexpected(std::move(done.error()));
  return update;
}

base::Result<Store::Answer> enrol(const Arguments& arguments, ClientUpdate& update) {
  auto key = read_public_key_argument(arguments.key);
  if (!key) return tl::unexpected(std::move(key.error()));
  update.key = *key;
  update.revoked = false;
  auto store = Store::open(arguments.store, Store::Mode::kCreate);
  if (!store) return tl::unexpected(std::move(store.error()));
  if (auto begun = store->begin(); !begun) return tl::unexpected(std::move(begun.error()));
  const auto before = store->find(update.key);
  if (!before) return tl::unexpected(before.error());
  if (*before && (*before)->revoked && !arguments.again) {
    return base::fail("the key was revoked", client_line(**before),
                      "to enrol it again, say so: --again");
  }
  auto answer = store->apply(update);
  if (!answer) return answer;
  if (identity::is_refusal(*answer)) {
    const base::Error refusal = identity::refusal_error(*answer);
    return base::fail(refusal.what, update.name.value_or(base::to_hex(update.key)), refusal.remedy);
  }
  if (auto committed = store->commit(); !committed) {
    return tl::unexpected(std::move(committed.error()));
  }
  return answer;
}

int run(const Arguments& arguments) {
  auto update = read_options(arguments);
  if (!update) {
    static_cast<void>(report(kCommand, update.error()));
    return kExitUsage;
  }
  const auto answer = enrol(arguments, *update);
  if (!answer) return report(kCommand, answer.error());
  const std::string done = *answer == Store::Answer::kAdded     ? "enrolled "
                           : *answer == Store::Answer::kChanged ? "changed "
                                                                : "unchanged ";
  const auto written = write_all(STDOUT_FILENO, done + base::to_hex(update->key) + "\n");
  return written ? kExitOk : report(kCommand, written.error());
}

}  // namespace

Action configure_identity_enrol(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();
  app.add_option("STORE", arguments->store, "The store's file.")->required();
  app.add_option("KEY", arguments->key,
                 "The public key: 64 hexadecimal digits, a file that holds them, or - for standard "
                 "input.")
      ->required();
  app.add_option("--name", arguments->name, "The device's name, 128 bytes at most.")
      ->option_text("NAME");
  app.add_option("--tag", arguments->tags,
                 "A tag, repeatable: letters, digits and ._:=@/+-. They replace those it has.")
      ->allow_extra_args(false)
      ->option_text("TAG");
  app.add_option("--not-before", arguments->not_before,
                 "Serve it from then on: 2026-01-31T12:00:00Z, 2026-01-31 (its first second) or "
                 "seconds since 1970. Empty: always.")
      ->option_text("TIME");
  app.add_option("--not-after", arguments->not_after,
                 "Serve it until then; a date alone is its last second. Empty: for ever.")
      ->option_text("TIME");
  app.add_option("--metadata", arguments->metadata,
                 "Bytes for handlers to see, in hexadecimal, 64 at most.")
      ->option_text("HEX");
  app.add_flag("--again", arguments->again, "Enrol it also if it was revoked.");
  return [arguments] { return run(*arguments); };
}

}  // namespace pssst::tools
