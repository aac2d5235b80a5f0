/* SPDX-License-Identifier: Apache-2.0 */
/* Growable text buffer, and JSON text written into it.
 *
 * An allocation failure is remembered and everything after it ignored, so that a caller checks once,
 * at the end: tt_buf_ok(). text is NUL-terminated whenever it is not NULL. */
#ifndef TT_UTIL_BUF_H
#define TT_UTIL_BUF_H

#include <stdint.h>

#include "util.h"

struct tt_buf {
	char *text;
	size_t len, cap;
	bool failed;
};

#define TT_BUF_INIT                                                                                          \
	{                                                                                                    \
		0                                                                                            \
	}

void tt_buf_done(struct tt_buf *buf);
void tt_buf_reset(struct tt_buf *buf); /* empties, keeps the memory */
bool tt_buf_ok(const struct tt_buf *buf);
/* The text, which the caller then frees; NULL if an allocation failed. The buffer is empty after. */
char *tt_buf_take(struct tt_buf *buf);

void tt_buf_add(struct tt_buf *buf, const void *data, size_t len);
void tt_buf_str(struct tt_buf *buf, const char *s);
void tt_buf_char(struct tt_buf *buf, char c);
void tt_buf_printf(struct tt_buf *buf, const char *format, ...) _printf_(2, 3);

/* Bytes as a quoted JSON string (RFC 8259): control characters, DEL, U+2028/9 and C1 controls escaped,
 * invalid UTF-8 as U+FFFD. s NULL writes null. */
void tt_buf_json(struct tt_buf *buf, const char *s);
void tt_buf_jsonn(struct tt_buf *buf, const char *s, size_t len);

/* Bytes for a terminal: as tt_buf_json without quotes, but control characters as \n, \t, \xNN. */
void tt_buf_terminal(struct tt_buf *buf, const char *s, size_t len);

#endif
