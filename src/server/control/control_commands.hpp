/// What the control socket is asked, and answers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "server/appliance.hpp"

namespace pssst::server {

/// A request is one line of so many bytes at most, its end among them.
inline constexpr std::size_t kControlRequestSizeMax = 256;

/// An answer: whether all went well, and text for people or programs.
struct ControlAnswer {
  bool is_good = false;
  std::string text;  ///< whole lines
};

/// Answers one request, a line without its end: `stats [--json]`, `keys [--json]`, `health`,
/// `reload`, `drain [SECONDS]`. Whatever else it holds is answered by what is wrong with it.
[[nodiscard]] ControlAnswer answer_control(Appliance& appliance, std::string_view request);

/// "applied: ...", "needs a restart: ...", "refused: ...", a line each.
[[nodiscard]] std::string to_text(const ReloadOutcome& outcome);

/// An answer as it travels: "good\n" or "bad\n", and the text.
[[nodiscard]] std::string encode_answer(const ControlAnswer& answer);
/// False: these bytes are no whole answer's beginning.
[[nodiscard]] bool decode_answer(std::string_view bytes, ControlAnswer& answer);

}  // namespace pssst::server
