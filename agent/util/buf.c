/* SPDX-License-Identifier: Apache-2.0 */
#include "util/buf.h"

#include <stdarg.h>

void tt_buf_done(struct tt_buf *buf)
{
	free(buf->text);
	*buf = (struct tt_buf)TT_BUF_INIT;
}

void tt_buf_reset(struct tt_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->text)
		buf->text[0] = '\0';
}

bool tt_buf_ok(const struct tt_buf *buf)
{
	return !buf->failed;
}

static bool buf_reserve(struct tt_buf *buf, size_t more)
{
	size_t cap = buf->cap ? buf->cap : 64;
	char *text;

	if (buf->failed)
		return false;
	if (more >= SIZE_MAX / 4 - buf->len) {
		buf->failed = true;
		return false;
	}
	while (cap < buf->len + more + 1)
		cap *= 2;
	if (cap == buf->cap)
		return true;

	text = realloc(buf->text, cap);
	if (!text) {
		buf->failed = true;
		return false;
	}
	buf->text = text;
	buf->cap = cap;
	return true;
}

char *tt_buf_take(struct tt_buf *buf)
{
	char *text = NULL;

	if (buf_reserve(buf, 0)) {
		text = buf->text;
		text[buf->len] = '\0';
		buf->text = NULL;
	}
	tt_buf_done(buf);
	return text;
}

void tt_buf_add(struct tt_buf *buf, const void *data, size_t len)
{
	if (!buf_reserve(buf, len))
		return;
	if (len)
		memcpy(buf->text + buf->len, data, len);
	buf->len += len;
	buf->text[buf->len] = '\0';
}

void tt_buf_str(struct tt_buf *buf, const char *s)
{
	tt_buf_add(buf, s, strlen(s));
}

void tt_buf_char(struct tt_buf *buf, char c)
{
	tt_buf_add(buf, &c, 1);
}

void tt_buf_printf(struct tt_buf *buf, const char *format, ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	if (n < 0) {
		buf->failed = true;
	} else if (buf_reserve(buf, (size_t)n)) {
		vsnprintf(buf->text + buf->len, (size_t)n + 1, format, again);
		buf->len += (size_t)n;
	}
	va_end(again);
	va_end(args);
}

/* Length of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7), 0 if there is none. */
static size_t utf8_length(const unsigned char *s, size_t left, uint32_t *ret_code)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high;
		size_t len;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t len = forms[i].len;
		uint32_t code;

		if (s[0] < forms[i].first_low || s[0] > forms[i].first_high)
			continue;
		if (left < len || (len > 1 && (s[1] < forms[i].second_low || s[1] > forms[i].second_high)))
			return 0;
		code = len == 1 ? s[0] : s[0] & (0x7fu >> len);
		for (size_t k = 1; k < len; k++) {
			if ((s[k] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[k] & 0x3f);
		}
		*ret_code = code;
		return len;
	}
	return 0;
}

/* Bidirectional overrides, tags and other invisible format characters can make a line read as another. */
static bool code_is_deceptive(uint32_t code)
{
	static const struct {
		uint32_t low, high;
	} ranges[] = {
		{ 0x7f, 0x9f },	    { 0xad, 0xad },	  { 0x61c, 0x61c },   { 0x180e, 0x180e },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e },	  { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (code >= ranges[i].low && code <= ranges[i].high)
			return true;
	return false;
}

/* JSON has no escape beyond the 16 bits of UTF-16. */
static void add_json_escape(struct tt_buf *buf, uint32_t code)
{
	if (code > 0xffff) {
		tt_buf_printf(buf, "\\u%04x", 0xd800 + ((code - 0x10000) >> 10));
		code = 0xdc00 + (code & 0x3ff);
	}
	tt_buf_printf(buf, "\\u%04x", code);
}

void tt_buf_jsonn(struct tt_buf *buf, const char *s, size_t len)
{
	static const char short_escapes[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};

	tt_buf_char(buf, '"');
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t code = 0;

		n = utf8_length((const unsigned char *)s + i, len - i, &code);
		if (n == 0) {
			tt_buf_str(buf, "\xef\xbf\xbd");
			n = 1;
		} else if (code == '"' || code == '\\') {
			tt_buf_printf(buf, "\\%c", (char)code);
		} else if (code < 0x20 && short_escapes[code]) {
			tt_buf_printf(buf, "\\%c", short_escapes[code]);
		} else if (code < 0x20 || code_is_deceptive(code)) {
			add_json_escape(buf, code);
		} else {
			tt_buf_add(buf, s + i, n);
		}
	}
	tt_buf_char(buf, '"');
}

void tt_buf_json(struct tt_buf *buf, const char *s)
{
	if (s)
		tt_buf_jsonn(buf, s, strlen(s));
	else
		tt_buf_str(buf, "null");
}

void tt_buf_terminal(struct tt_buf *buf, const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t code = 0;

		n = utf8_length((const unsigned char *)s + i, len - i, &code);
		if (n == 0) {
			tt_buf_printf(buf, "\\x%02x", (unsigned char)s[i]);
			n = 1;
		} else if (code == '\n') {
			tt_buf_str(buf, "\\n");
		} else if (code == '\t') {
			tt_buf_str(buf, "\\t");
		} else if (code < 0x20 || code == 0x7f) {
			tt_buf_printf(buf, "\\x%02x", code);
		} else if (code_is_deceptive(code)) {
			tt_buf_printf(buf, code > 0xffff ? "\\U%08x" : "\\u%04x", code);
		} else {
			tt_buf_add(buf, s + i, n);
		}
	}
}
