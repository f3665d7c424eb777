/// Help texts that fit a terminal of 80 columns.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace pssst::base {

inline constexpr std::size_t kHelpColumns = 80;

/// Breaks `text` at spaces into lines of at most `columns` characters; a longer word stands alone.
/// Its own line ends stay. Spaces in a row count as one, and none ends a line. Every line but the
/// first begins with `indent` spaces.
[[nodiscard]] std::string wrap_text(std::string_view text, std::size_t indent,
                                    std::size_t columns = kHelpColumns);

/// Usage, description, arguments, subcommands, options by group, footer. The first line of an App's
/// description is its summary in the parent's list; the footer (examples) is printed as it stands.
class HelpFormatter final : public CLI::FormatterBase {
 public:
  [[nodiscard]] std::string make_help(const CLI::App* app, std::string name,
                                      CLI::AppFormatMode mode) const override;
};

}  // namespace pssst::base
