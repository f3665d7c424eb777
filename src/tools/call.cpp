#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hex.hpp"
#include "client/udp_client.hpp"
#include "tools/call_statistics.hpp"
#include "tools/exit_status.hpp"
#include "tools/key_argument.hpp"
#include "tools/stream.hpp"
#include "tools/subcommand.hpp"

namespace pssst::tools {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

constexpr const char* kDescription =
    "Send a message to a server and print its reply.\n\n"
    "The message is sealed to the server's public key. A try that is not answered in time is "
    "followed by another, each a fresh request under a new ephemeral key. Replies that are not "
    "genuine are passed over, and waiting goes on. Servers are silent to whatever they do not "
    "accept, so a wrong key looks like a lost packet.";

constexpr const char* kFooter = R"help(Exit status:
  0  answered (with --no-reply: sent)
  1  error: bad key, unknown host, message too long
  2  wrong command line
  3  no good reply in time (with --repeat: to one call at least)

Examples:
  pssst call 192.0.2.1 7700 'good morning' --server server.pub
  pssst call edge.example 7700 --server server.pub < reading.cbor > reply.cbor
  pssst call edge.example 7700 hello --server server.pub --client-key device.key
  pssst call ::1 7700 00ff --hex --server "$(cat server.pub)"
  pssst call 192.0.2.1 7700 --server f002.pub --label clock.example --pad 100
  pssst call 192.0.2.1 7700 ping --server server.pub --repeat 1000 > /dev/null
  pssst call 192.0.2.1 7700 --server server.pub -- '-begins with a dash')help";

constexpr std::uint64_t kRepeatMax = 10'000'000;
constexpr unsigned kTriesMax = 1'000;
constexpr unsigned kTimeoutMaxMs = 3'600'000;

struct Arguments {
  std::string host;
  unsigned port = 0;
  std::string message;
  bool has_message = false;
  std::string server;
  std::string label;
  std::string client_key;
  std::size_t padding_size = 0;
  bool hex = false;
  unsigned timeout_ms = 1000;
  unsigned tries = 3;
  bool no_reply = false;
  std::uint64_t repeat = 1;
  bool repeated = false;
  bool ipv4 = false;
  bool ipv6 = false;

  [[nodiscard]] client::AddressFamily family() const noexcept {
    if (ipv4) return client::AddressFamily::kIpv4;
    return ipv6 ? client::AddressFamily::kIpv6 : client::AddressFamily::kAny;
  }
};

base::Result<client::UdpClient> make_client(const Arguments& arguments) {
  const auto server = read_server_key_argument(arguments.server);
  if (!server) return tl::unexpected(server.error());
  const KeyUse use{.suite = server->suite, .label = arguments.label};
  if (!fault_of(use).empty()) {
    return base::fail(std::string(fault_of(use)), "--label", "leave it out, or check --server");
  }
  if (use.suite == kSuite1 && arguments.padding_size > 0) {
    return base::fail("suite 1 has no padding", "--pad", "leave it out");
  }
  std::optional<PrivateKey> key;
  if (!arguments.client_key.empty()) {
    auto read = read_client_key_argument(arguments.client_key);
    if (!read) return tl::unexpected(std::move(read.error()));
    key.emplace(std::move(*read));
  }
  return client::UdpClient::create(arguments.host, static_cast<std::uint16_t>(arguments.port),
                                   arguments.family(), server->key, key ? &*key : nullptr, use);
}

/// `size_max`: of the message, in bytes. Text in hexadecimal takes twice that, and white space.
base::Result<Bytes> read_message(const Arguments& arguments, std::size_t size_max) {
  const std::string where = arguments.has_message ? "MESSAGE" : "standard input";
  Bytes bytes(arguments.message.begin(), arguments.message.end());
  if (!arguments.has_message) {
    if (::isatty(STDIN_FILENO) == 1) {
      print_note("pssst call: reading the message from the terminal, up to Ctrl-D");
    }
    auto read = read_all(STDIN_FILENO, arguments.hex ? 4 * size_max : size_max, where);
    if (!read) {
      read.error().remedy = "a message has at most " + std::to_string(size_max) + " bytes";
      return read;
    }
    bytes = std::move(*read);
  }
  if (arguments.hex) {
    auto decoded =
        base::from_hex(trim({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    if (!decoded) {
      return base::fail("not hexadecimal", where, "--hex wants two digits for each byte");
    }
    bytes = std::move(*decoded);
  }
  if (bytes.size() > size_max) {
    return base::fail("too long: " + std::to_string(bytes.size()) + " bytes", where,
                      "a message has at most " + std::to_string(size_max) + " bytes");
  }
  return bytes;
}

base::Result<void> print_reply(const Bytes& reply, bool hex) {
  std::string text = hex ? base::to_hex(reply) : std::string(reply.begin(), reply.end());
  if (hex || ::isatty(STDOUT_FILENO) == 1) text += '\n';
  return write_all(STDOUT_FILENO, text);
}

base::Error no_reply_error(const Arguments& arguments, const client::CallReport& report,
                           const std::string& address) {
  base::Error error{.what = "no reply in " + std::to_string(report.tries) +
                            (report.tries == 1 ? " try of " : " tries of ") +
                            std::to_string(arguments.timeout_ms) + " ms",
                    .where = address,
                    .remedy = {}};
  if (report.bad_replies > 0) {
    error.what +=
        "; " + std::to_string(report.bad_replies) +
        (report.bad_replies == 1 ? " bad reply ignored (" : " bad replies ignored (last: ") +
        std::string(to_string(report.last_fault)) + ")";
  }
  if (report.unreachable_errno == ECONNREFUSED) {
    error.remedy = "nobody listens there: check that the server runs, and its UDP port";
  } else if (report.unreachable_errno != 0) {
    error.remedy = "the network reports: " + base::describe_errno(report.unreachable_errno);
  } else {
    error.remedy =
        "check address and --server; servers are also silent to clients that are not enrolled, "
        "and where there is nothing to reply";
  }
  return error;
}

int send_only(const Arguments& arguments, client::UdpClient& client, const Bytes& message) {
  const auto start = Clock::now();
  for (std::uint64_t i = 0; i < arguments.repeat; ++i) {
    if (const auto sent = client.send(message, arguments.padding_size); !sent)
      return report("call", sent.error());
  }
  if (arguments.repeated) {
    print_note(std::to_string(arguments.repeat) + " sent, " +
               rate_text(arguments.repeat, Clock::now() - start));
  }
  return kExitOk;
}

int call_and_print(const Arguments& arguments, client::UdpClient& client, const Bytes& message) {
  const client::CallOptions options{.timeout = std::chrono::milliseconds(arguments.timeout_ms),
                                    .tries = arguments.tries,
                                    .padding_size = arguments.padding_size};
  CallStatistics statistics;
  std::optional<base::Error> failure;
  const auto start = Clock::now();
  for (std::uint64_t i = 0; i < arguments.repeat; ++i) {
    const auto call = client.call(message, options);
    if (!call) return report("call", call.error());
    statistics.add(*call);
    if (!call->reply) {
      failure = no_reply_error(arguments, *call, client.address());
    } else if (statistics.answered() == 1) {
      if (const auto printed = print_reply(*call->reply, arguments.hex); !printed) {
        return report("call", printed.error());
      }
    }
  }
  const auto elapsed = Clock::now() - start;
  if (failure) static_cast<void>(report("call", *failure));
  if (arguments.repeated) print_note(statistics.summary(elapsed));
  return failure ? kExitNoReply : kExitOk;
}

int call(const Arguments& arguments) {
  auto client = make_client(arguments);
  if (!client) return report("call", client.error());
  if (arguments.padding_size > client->message_size_max()) {
    return report("call", {.what = "no datagram holds so much padding",
                           .where = "--pad " + std::to_string(arguments.padding_size),
                           .remedy = "ask for less"});
  }
  const auto message = read_message(arguments, client->message_size_max() - arguments.padding_size);
  if (!message) return report("call", message.error());
  return arguments.no_reply ? send_only(arguments, *client, *message)
                            : call_and_print(arguments, *client, *message);
}

}  // namespace

Action configure_call(CLI::App& app) {
  app.description(kDescription);
  app.footer(kFooter);
  const auto arguments = std::make_shared<Arguments>();

  app.add_option("HOST", arguments->host, "Name or address of the server, IPv4 or IPv6.")
      ->required();
  app.add_option("PORT", arguments->port, "Its UDP port.")->required()->check(CLI::Range(1, 65535));
  CLI::Option* message =
      app.add_option("MESSAGE", arguments->message,
                     "What to send. Without it standard input is sent, byte for byte.");

  app.add_option("-s,--server", arguments->server,
                 "The server's public key: 64 hexadecimal digits, or a file that holds them. "
                 "\"f002:\" before them says that it is of suite 0xF002.")
      ->required()
      ->option_text("KEY");
  app.add_option("--label", arguments->label,
                 "The service's name, where its keys of suite 0xF002 have one.")
      ->option_text("NAME");
  app.add_option(
         "--pad", arguments->padding_size,
         "Seal N zeros behind the message (suite 0xF002), so that a longer reply fits where "
         "a server replies with no more bytes than it got. Default: 0.")
      ->option_text("N");
  app.add_option("-c,--client-key", arguments->client_key,
                 "Authenticate as the client whose private key is in FILE. Default: anonymous.")
      ->option_text("FILE");
  app.add_flag("-x,--hex", arguments->hex, "Message and reply in hexadecimal.");
  app.add_option("-t,--timeout", arguments->timeout_ms,
                 "Milliseconds to wait for the reply to each try. Default: 1000.")
      ->option_text("MS")
      ->check(CLI::Range(1u, kTimeoutMaxMs));
  app.add_option("-n,--tries", arguments->tries, "How often to try. Default: 3.")
      ->option_text("N")
      ->check(CLI::Range(1u, kTriesMax));
  app.add_flag("--no-reply", arguments->no_reply, "Send, and do not wait for a reply.");
  CLI::Option* repeat =
      app.add_option("--repeat", arguments->repeat,
                     "Make N calls, one after another; print the first reply, and at the end the "
                     "number answered, the rate and the latency on standard error.")
          ->option_text("N")
          ->check(CLI::Range(std::uint64_t{1}, kRepeatMax));
  CLI::Option* ipv4 = app.add_flag("-4", arguments->ipv4, "Use IPv4 only.");
  app.add_flag("-6", arguments->ipv6, "Use IPv6 only.")->excludes(ipv4);

  return [arguments, message, repeat] {
    arguments->has_message = message->count() > 0;
    arguments->repeated = repeat->count() > 0;
    return call(*arguments);
  };
}

}  // namespace pssst::tools
