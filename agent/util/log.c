/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <stdarg.h>

#include "util/buf.h"

static void log_write(enum tt_log_level level, int error, const char *format, va_list args)
{
	static const int priorities[] = { 3, 4, 6 }; /* sd-daemon(3) */
	_cleanup_(tt_buf_done) struct tt_buf out = TT_BUF_INIT;
	char text[2048];
	int n;

	n = vsnprintf(text, sizeof(text), format, args);
	if (n < 0)
		return;
	if (getenv("JOURNAL_STREAM"))
		tt_buf_printf(&out, "<%d>", priorities[level]);
	else
		tt_buf_str(&out, "telltale: ");
	tt_buf_terminal(&out, text, strlen(text));
	if (error)
		tt_buf_printf(&out, ": %s", strerror(abs(error)));
	tt_buf_char(&out, '\n');
	/* one write a line, so that lines of several processes do not mix */
	if (tt_buf_ok(&out) && write(STDERR_FILENO, out.text, out.len) < 0)
		return;
}

void tt_log(enum tt_log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_write(level, 0, format, args);
	va_end(args);
}

int tt_log_errno(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_write(TT_LOG_ERROR, error, format, args);
	va_end(args);
	return error;
}

int tt_log_warn_errno(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_write(TT_LOG_WARN, error, format, args);
	va_end(args);
	return error;
}
