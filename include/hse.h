/* hse.h - public C API of the speech engine. This first part holds what every call shares.
 *
 * Ownership  hse_x_open() gives an object; hse_x_close() takes it back and sets your pointer to NULL.
 *            What you pass in is borrowed for the call only.
 * Errors     0 is success. On failure no output is written and *err, if given, says what and where.
 *            Nothing in the library calls abort(), exit() or prints.
 * Threads    stated for each object. */
#ifndef HSE_H
#define HSE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HSE_API __attribute__((visibility("default")))
#else
#define HSE_API
#endif

typedef enum {
    HSE_OK = 0,
    HSE_E_ARG = -1,         /* the caller broke the contract, or a request field is wrong    */
    HSE_E_NOMEM = -2,       /* an allocation failed; nothing leaked                          */
    HSE_E_IO = -3,          /* the system refused; err.sys holds errno                       */
    HSE_E_FORMAT = -4,      /* the file or audio is malformed                                */
    HSE_E_LIMIT = -5,       /* well-formed, but over a limit that the operator set           */
    HSE_E_CANCELLED = -6,   /* cancelled by the caller                                       */
    HSE_E_DEADLINE = -7,    /* the request's time ran out                                    */
    HSE_E_UNSUPPORTED = -8, /* understood, but not offered; the text names it                */
    HSE_E_NOT_FOUND = -9,   /* no such model, voice or file                                  */
    HSE_E_BUSY = -10,       /* the queue is full; try again later                            */
} hse_status;

typedef struct {
    hse_status status;
    int        sys;         /* errno of a failed system call, else 0                         */
    uint64_t   offset;      /* byte offset in the input, where it is known                   */
    char       text[232];   /* one sentence for a person; never a memory address             */
} hse_error;

#ifdef __cplusplus
}
#endif
#endif
