/// The interface of handlers that pssstd loads from shared objects. C11, and stable: see
/// PSSST_HANDLER_ABI. Beside it stands a wrapper for C++20, pssst/handler_library.hpp.
///
/// A library defines one object, pssst_library_handler, and nothing else that the server looks for.
///
/// A handler runs inside the server: it sees the server's keys and every service's messages, and
/// what crashes it crashes the server. Code that is not trusted as much as the server belongs in
/// another process: that is what the handler `forward` is for.
///
/// Requests may be replayed by anyone who saw them: handling one twice must do no harm.
#ifndef PSSST_HANDLER_H
#define PSSST_HANDLER_H

// NOLINTBEGIN(modernize-deprecated-headers,readability-identifier-naming): this is C
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Of this header. A server loads libraries of its own number alone; whatever changes in this
/// header for those who were compiled before changes the number.
#define PSSST_HANDLER_ABI 1u

/// What pssst_message::result is besides a length.
#define PSSST_NO_REPLY (-1)
#define PSSST_LATER (-2)

/// One opened request. The server sets everything; of what the handler writes it reads `result` and
/// the reply's bytes.
struct pssst_message {
  uint32_t size;              ///< of this struct
  uint16_t suite;             ///< 1 or 0xf002
  uint8_t authenticated;      ///< 1: client_key is the caller's, proven
  uint8_t reserved;           ///< 0
  const uint8_t* message;     ///< message_size bytes; valid during handle_burst
  const uint8_t* client_key;  ///< 32 bytes, or null: anonymous; valid likewise
  const uint8_t* metadata;    ///< what was enrolled with that key; valid likewise
  uint8_t* reply;             ///< zeros, to be written in place; reply_capacity bytes
  uint32_t message_size;
  uint32_t metadata_size;
  uint32_t reply_capacity;  ///< what still fits a datagram, reply_size_max at most
  /// Out; PSSST_NO_REPLY as given. The reply's length, 0 to reply_capacity, with its bytes at the
  /// front of `reply`; an empty reply is a reply. Or PSSST_NO_REPLY, or PSSST_LATER. Anything else
  /// is a dropped and counted request, never a reply cut short.
  int32_t result;
  uint64_t token;  ///< names this request to pssst_server::answer, if it is answered later
};

struct pssst_option {
  const char* name;
  const char* value;
};

/// What pssst_server::answer says.
#define PSSST_ANSWERED 0
/// The worker has as many answers as it holds: try again, a little later.
#define PSSST_BUSY (-1)
/// The reply is longer than reply_size_max; or it is a reply, and the handler never replies.
#define PSSST_REPLY_TOO_LONG (-2)
/// No server gave such a token, or the worker that did has ended.
#define PSSST_NO_SUCH_TOKEN (-3)

/// The server, to one handler of one service. Valid, with all that it points to, from init until
/// fini has returned.
struct pssst_server {
  uint32_t size;  ///< of this struct
  uint32_t abi;   ///< PSSST_HANDLER_ABI
  const char* service;
  const struct pssst_option* options;  ///< as configured, option_count of them
  uint32_t option_count;
  uint32_t workers;      ///< numbered from 0
  uint32_t deadline_ms;  ///< a later reply that is not there by then is never sent
  uint32_t error_size;   ///< bytes at `error`
  char* error;           ///< where init says why it failed, a text with its zero; only during init
  /// Answers a message for which handle_burst said PSSST_LATER, once: `size` bytes at `reply`,
  /// which are copied, or PSSST_NO_REPLY. From any thread, also before handle_burst has returned;
  /// it does not wait. What is answered twice, or after its deadline, is counted and not sent.
  int32_t (*answer)(const struct pssst_server* server, uint64_t token, const uint8_t* reply,
                    int32_t size);
  void* context;  ///< the server's own
};

/// What a handler declares, in pssst_handler::flags.
/// The reply is a function of (authenticated or not, client key, message) alone, and not of the
/// metadata, for as long as the server's key lives. Without this flag replies vary, and the handler
/// is refused on suite 1: two different replies to one request of suite 1, which anyone may replay,
/// are two AES-GCM encryptions under one key and nonce, and reveal what forges requests. A handler
/// whose function changes gets a new `version`, and its services get new keys.
#define PSSST_PURE 1u
/// It never replies.
#define PSSST_SILENT 2u
/// It gets messages of authenticated clients only.
#define PSSST_NEEDS_CLIENT 4u
/// It may say PSSST_LATER.
#define PSSST_ANSWERS_LATER 8u

/// The handler. Functions may be null but for handle_burst. They do not throw, and do not call
/// what ends the process, forks, or changes what belongs to the whole of it.
struct pssst_handler {
  uint32_t size;          ///< sizeof(struct pssst_handler)
  uint32_t abi;           ///< PSSST_HANDLER_ABI
  uint32_t message_size;  ///< sizeof(struct pssst_message)
  uint32_t server_size;   ///< sizeof(struct pssst_server)
  const char* name;       ///< 1 to 64 letters, digits, '-', '_' and '.'
  uint32_t version;
  uint32_t flags;           ///< PSSST_PURE and what follows it
  uint32_t reply_size_max;  ///< no reply is longer; 1420 is the most that any suite takes
  uint32_t type_count;
  /// The message types, first bytes, that it takes where messages are typed; type_count 0: any.
  const uint8_t* types;

  /// Before anything else, once for each service that names it, on no worker. Sets *state, which
  /// all other calls get. Not 0: it failed. Threads are started here, not in worker_init, and end
  /// in fini.
  int32_t (*init)(const struct pssst_server* server, void** state);
  /// On each worker's own thread before the worker's first burst. Not 0: it failed.
  int32_t (*worker_init)(void* state, uint32_t worker, void** worker_state);
  /// All of a worker's burst for this handler, 1 to 64 messages, one behind the other. A handler
  /// that may say PSSST_LATER gets a burst in parts where fewer replies may still be awaited of it,
  /// and nothing where no more may be. It must neither wait nor allocate: every service's requests
  /// wait for it. Several workers call at once.
  void (*handle_burst)(void* state, void* worker_state, struct pssst_message* messages,
                       uint32_t count);
  /// On each worker for which worker_init was called and did not fail: after its last burst, when
  /// no later reply of that worker is awaited any more.
  void (*worker_fini)(void* state, void* worker_state);
  /// Last, if init did not fail; on no worker. Then the library is closed.
  void (*fini)(void* state);
};

#if defined(__GNUC__)
#define PSSST_EXPORT __attribute__((visibility("default")))
#else
#define PSSST_EXPORT
#endif

/// What a library defines, constant before its first function is called:
///
///     const struct pssst_handler pssst_library_handler = {
///         .size = sizeof(struct pssst_handler), .abi = PSSST_HANDLER_ABI, ... };
extern PSSST_EXPORT const struct pssst_handler pssst_library_handler;

#ifdef __cplusplus
}
#endif

// NOLINTEND(modernize-deprecated-headers,readability-identifier-naming)
#endif
