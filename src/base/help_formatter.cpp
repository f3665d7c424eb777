#include "base/help_formatter.hpp"

#include <algorithm>
#include <vector>

namespace pssst::base {
namespace {

constexpr std::size_t kTermIndent = 2;
constexpr std::size_t kTextColumn = 26;

/// "  term          text", the text wrapped beside or, after a long term, below it.
std::string definition(const std::string& term, const std::string& text) {
  std::string head(kTermIndent, ' ');
  head += term;
  if (head.size() + 2 > kTextColumn) {
    head += '\n' + std::string(kTextColumn, ' ');
  } else {
    head.resize(kTextColumn, ' ');
  }
  return head + wrap_text(text, kTextColumn) + '\n';
}

std::string option_term(const CLI::Option& option) {
  std::string term;
  if (option.get_snames().empty()) term += "    ";
  for (const std::string& name : option.get_snames()) term += "-" + name + ", ";
  for (const std::string& name : option.get_lnames()) term += "--" + name + ", ";
  term.resize(term.size() - 2);
  std::string value = option.get_option_text();
  if (value.empty() && option.get_items_expected_max() > 0) value = option.get_type_name();
  return value.empty() ? term : term + " " + value;
}

std::string positional_usage(const CLI::Option& option) {
  const std::string name = option.get_name(true);
  return option.get_required() ? name : "[" + name + "]";
}

bool is_positional(const CLI::Option* option) {
  return option->get_positional();
}

bool is_option(const CLI::Option* option) {
  return option->nonpositional();
}

bool is_required_option(const CLI::Option* option) {
  return is_option(option) && option->get_required();
}

std::string usage(const CLI::App& app, const std::string& name) {
  std::string line = "Usage: " + name + " [OPTIONS]";
  for (const CLI::Option* option : app.get_options(is_required_option)) {
    line += " --" + option->get_lnames().front() + " " + option->get_option_text();
  }
  for (const CLI::Option* option : app.get_options(is_positional)) {
    line += " " + positional_usage(*option);
  }
  if (!app.get_subcommands(nullptr).empty()) line += " SUBCOMMAND ...";
  return wrap_text(line, std::string_view("Usage: ").size()) + "\n";
}

/// Each group of options under its name, in the order in which they were added, CLI11's own group
/// "Options" first; in that one help and version, the same everywhere, come last.
std::string options_of(const CLI::App& app) {
  std::vector<std::string> groups{"Options"};
  std::vector<std::string> texts{""};
  std::string common;
  for (const CLI::Option* option : app.get_options(is_option)) {
    const std::string text = definition(option_term(*option), option->get_description());
    if (option == app.get_help_ptr() || option == app.get_version_ptr()) {
      common += text;
      continue;
    }
    const auto at = static_cast<std::size_t>(
        std::find(groups.begin(), groups.end(), option->get_group()) - groups.begin());
    if (at == groups.size()) {
      groups.push_back(option->get_group());
      texts.emplace_back();
    }
    texts[at] += text;
  }
  texts.front() += common;
  std::string all;
  for (std::size_t i = 0; i < groups.size(); ++i) all += "\n" + groups[i] + ":\n" + texts[i];
  return all;
}

std::string summary(const CLI::App& app) {
  const std::string description = app.get_description();
  return description.substr(0, description.find('\n'));
}

}  // namespace

std::string wrap_text(std::string_view text, std::size_t indent, std::size_t columns) {
  std::string wrapped;
  std::size_t column = indent;
  bool line_start = true;
  while (!text.empty()) {
    if (text.front() == '\n') {
      wrapped += '\n';
      text.remove_prefix(1);
      if (!text.empty() && text.front() != '\n') wrapped.append(indent, ' ');
      column = indent;
      line_start = true;
      continue;
    }
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (!line_start && column + 1 + word.size() > columns) {
      wrapped += '\n' + std::string(indent, ' ');
      column = indent;
      line_start = true;
    }
    if (!line_start && !word.empty()) wrapped += ' ', ++column;
    wrapped += word;
    column += word.size();
    line_start = false;
    text.remove_prefix(end);
  }
  return wrapped;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode /*mode*/) const {
  std::string help = usage(*app, name) + "\n" + wrap_text(app->get_description(), 0) + "\n";

  const auto positionals = app->get_options(is_positional);
  if (!positionals.empty()) help += "\nArguments:\n";
  for (const CLI::Option* option : positionals) {
    help += definition(option->get_name(true), option->get_description());
  }
  const auto subcommands = app->get_subcommands(nullptr);
  if (!subcommands.empty()) help += "\nSubcommands:\n";
  for (const CLI::App* subcommand : subcommands) {
    help += definition(subcommand->get_name(), summary(*subcommand));
  }
  help += options_of(*app);
  const std::string footer = app->get_footer();
  return footer.empty() ? help : help + "\n" + footer + "\n";
}

}  // namespace pssst::base
