/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics on stderr. Modules return errors; daemon/ and cmd/ speak. */
#ifndef TT_UTIL_LOG_H
#define TT_UTIL_LOG_H

#include "util.h"

enum tt_log_level { TT_LOG_ERROR, TT_LOG_WARN, TT_LOG_INFO };

/* "telltale: " + text + "\n"; under systemd (JOURNAL_STREAM) with a <priority> prefix instead.
 * Control characters in the text are escaped. */
void tt_log(enum tt_log_level level, const char *format, ...) _printf_(2, 3);

#define tt_log_error(...) tt_log(TT_LOG_ERROR, __VA_ARGS__)
#define tt_log_warn(...)  tt_log(TT_LOG_WARN, __VA_ARGS__)
#define tt_log_info(...)  tt_log(TT_LOG_INFO, __VA_ARGS__)

/* Logs text followed by ": " and the error's words; returns error, so that one can log and return. */
int tt_log_errno(int error, const char *format, ...) _printf_(2, 3);
int tt_log_warn_errno(int error, const char *format, ...) _printf_(2, 3);

#endif
