/// Libraries that a server must refuse, one for each -D; without any, the smallest one that it
/// takes. In C: pssst/handler.h is C.
#include "pssst/handler.h"

#include <stddef.h>

#ifndef ABI
#define ABI PSSST_HANDLER_ABI
#endif
#ifndef SIZE
#define SIZE sizeof(struct pssst_handler)
#endif
#ifndef MESSAGE_SIZE
#define MESSAGE_SIZE sizeof(struct pssst_message)
#endif
#ifndef SERVER_SIZE
#define SERVER_SIZE sizeof(struct pssst_server)
#endif
#ifndef NAME
#define NAME "smallest"
#endif
#ifndef FLAGS
#define FLAGS PSSST_PURE
#endif
#ifndef REPLY_SIZE_MAX
#define REPLY_SIZE_MAX 10
#endif
#ifndef TYPE_COUNT
#define TYPE_COUNT 0
#endif
#ifndef HANDLE_BURST
#define HANDLE_BURST handle_burst
#endif

void handle_burst(void* state, void* worker_state, struct pssst_message* messages, uint32_t count);

void handle_burst(void* state, void* worker_state, struct pssst_message* messages, uint32_t count) {
  (void)state;
  (void)worker_state;
  for (uint32_t i = 0; i < count; ++i) {
    messages[i].result = 0;
  }
}

#if defined(NO_SYMBOL)
#elif defined(ANOTHER_OBJECT)
PSSST_EXPORT const uint32_t pssst_library_handler_as_number = PSSST_HANDLER_ABI;
extern PSSST_EXPORT const uint32_t pssst_library_handler_alias
    __attribute__((alias("pssst_library_handler_as_number")));
__asm__(
    ".globl pssst_library_handler\n"
    ".set pssst_library_handler, pssst_library_handler_as_number\n"
    ".type pssst_library_handler, @object\n"
    ".size pssst_library_handler, 4\n");
#else
const struct pssst_handler pssst_library_handler = {
    .size = SIZE,
    .abi = ABI,
    .message_size = MESSAGE_SIZE,
    .server_size = SERVER_SIZE,
    .name = NAME,
    .version = 1,
    .flags = FLAGS,
    .reply_size_max = REPLY_SIZE_MAX,
    .type_count = TYPE_COUNT,
    .types = NULL,
    .handle_burst = HANDLE_BURST,
};
#endif
