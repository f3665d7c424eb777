#include "server/control/control_commands.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <vector>

#include "server/report.hpp"

namespace pssst::server {
namespace {

constexpr std::string_view kGood = "good\n";
constexpr std::string_view kBad = "bad\n";
constexpr unsigned kDrainSecondsMax = 86'400;

using Words = std::vector<std::string_view>;

Words split(std::string_view request) {
  Words words;
  while (!request.empty()) {
    const std::size_t end = std::min(request.find(' '), request.size());
    if (end > 0) words.push_back(request.substr(0, end));
    request.remove_prefix(std::min(end + 1, request.size()));
  }
  return words;
}

ControlAnswer bad(std::string text) {
  return {.is_good = false, .text = std::move(text) + "\n"};
}

bool wants_json(const Words& words) {
  return words.size() == 2 && words[1] == "--json";
}

ControlAnswer answer_stats(Appliance& appliance, const Words& words) {
  if (words.size() > 1 && !wants_json(words)) return bad("stats takes --json, or nothing");
  const Report report = appliance.report();
  return {.is_good = true, .text = wants_json(words) ? to_json(report) + "\n" : to_text(report)};
}

ControlAnswer answer_keys(Appliance& appliance, const Words& words) {
  if (words.size() > 1 && !wants_json(words)) return bad("keys takes --json, or nothing");
  const Report report = appliance.report();
  return {.is_good = true,
          .text = wants_json(words) ? keys_to_json(report) + "\n" : keys_to_text(report)};
}

ControlAnswer answer_health(Appliance& appliance, const Words& words) {
  if (words.size() > 1) return bad("health takes nothing");
  const Health health = appliance.health();
  if (health.ready) return {.is_good = true, .text = "ready\n"};
  std::string text;
  for (const std::string& problem : health.problems) text += problem + "\n";
  return {.is_good = false, .text = text};
}

ControlAnswer answer_reload(Appliance& appliance, const Words& words) {
  if (words.size() > 1) return bad("reload takes nothing");
  const ReloadOutcome outcome = appliance.reload();
  return {.is_good = outcome.refused.empty(), .text = to_text(outcome)};
}

std::optional<std::chrono::seconds> parse_seconds(std::string_view text) {
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds > kDrainSecondsMax) {
    return std::nullopt;
  }
  return std::chrono::seconds(seconds);
}

ControlAnswer answer_drain(Appliance& appliance, const Words& words) {
  std::optional<std::chrono::seconds> deadline;
  if (words.size() == 2) deadline = parse_seconds(words[1]);
  if (words.size() > 2 || (words.size() == 2 && !deadline)) {
    return bad("drain takes seconds, 0 to " + std::to_string(kDrainSecondsMax) + ", or nothing");
  }
  const std::chrono::seconds limit = appliance.drain(deadline);
  return {.is_good = true,
          .text = "draining: not ready from now on, serving for up to " +
                  std::to_string(limit.count()) + " s\n"};
}

struct Command {
  std::string_view name;
  ControlAnswer (*answer)(Appliance&, const Words&);
};
constexpr std::array kCommands{
    Command{"stats", answer_stats},   Command{"keys", answer_keys},
    Command{"health", answer_health}, Command{"reload", answer_reload},
    Command{"drain", answer_drain},
};

std::string known_commands() {
  std::string names;
  for (const Command& command : kCommands) (names += names.empty() ? "" : ", ") += command.name;
  return names;
}

}  // namespace

ControlAnswer answer_control(Appliance& appliance, std::string_view request) {
  const Words words = split(request);
  if (words.empty()) return bad("no command: " + known_commands());
  const auto* const command = std::ranges::find(kCommands, words[0], &Command::name);
  // What was asked is not repeated: it may hold anything.
  if (command == kCommands.end()) return bad("no such command: " + known_commands());
  return command->answer(appliance, words);
}

std::string to_text(const ReloadOutcome& outcome) {
  std::string text;
  for (const std::string& line : outcome.refused) text += "refused: " + line + "\n";
  if (!outcome.refused.empty()) return text + "nothing was changed\n";
  for (const std::string& line : outcome.applied) text += "applied: " + line + "\n";
  for (const std::string& line : outcome.needs_restart) text += "needs a restart: " + line + "\n";
  return text.empty() ? "nothing has changed\n" : text;
}

std::string encode_answer(const ControlAnswer& answer) {
  return std::string(answer.is_good ? kGood : kBad) + answer.text;
}

bool decode_answer(std::string_view bytes, ControlAnswer& answer) {
  answer.is_good = bytes.starts_with(kGood);
  if (!answer.is_good && !bytes.starts_with(kBad)) return false;
  answer.text = bytes.substr((answer.is_good ? kGood : kBad).size());
  return true;
}

}  // namespace pssst::server
