/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as JSON; see json.h. */
#include "cmd/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "cmd/row.h"
#include "util/timespec.h"

static const char *const json_columns[] = { "argv",    "launched_by", "coverage",
					    "reasons", "evidence",    "answers" };

static bool holds_json(const char *column)
{
	for (size_t i = 0; i < ARRAY_SIZE(json_columns); i++)
		if (strcmp(column, json_columns[i]) == 0)
			return true;
	return false;
}

bool tt_json_is_time(const char *column)
{
	/* a duration, and a namespace's number */
	static const char *const others[] = { "duration_ns", "mount_ns" };
	size_t n = strlen(column);

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(column, others[i]) == 0)
			return false;
	return n > 3 && strcmp(column + n - 3, "_ns") == 0;
}

static void add_real(struct tt_buf *buf, double d)
{
	char text[40];

	if (!isfinite(d)) {
		tt_buf_str(buf, "null");
		return;
	}
	/* the shorter form, where it is the same number */
	snprintf(text, sizeof(text), "%.15g", d);
	if (strtod(text, NULL) != d)
		snprintf(text, sizeof(text), "%.17g", d);
	tt_buf_str(buf, text);
}

/* DEL is ASCII to jansson, and a control character to a terminal. It can only be inside a string. */
static void add_without_del(struct tt_buf *buf, const char *json)
{
	for (size_t n; *json; json += n) {
		n = strcspn(json, "\x7f");
		tt_buf_add(buf, json, n);
		if (json[n]) {
			tt_buf_str(buf, "\\u007f");
			n++;
		}
	}
}

/* Stored JSON is written anew: one line, ASCII, whatever it was. What does not parse is a string. */
static void add_embedded(struct tt_buf *buf, const struct tt_value *value)
{
	json_t *json = json_loadb(value->text, value->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) : NULL;

	if (text)
		add_without_del(buf, text);
	else
		tt_buf_jsonn(buf, value->text, value->len);
	free(text);
	json_decref(json);
}

static void add_value(struct tt_buf *buf, const struct tt_value *value, bool embed)
{
	switch (value->type) {
	case TT_NULL:
		tt_buf_str(buf, "null");
		break;
	case TT_INTEGER:
		tt_buf_printf(buf, "%" PRId64, value->i);
		break;
	case TT_REAL:
		add_real(buf, value->d);
		break;
	case TT_TEXT:
		if (embed)
			add_embedded(buf, value);
		else
			tt_buf_jsonn(buf, value->text, value->len);
		break;
	}
}

static void add_time(struct tt_buf *buf, const char *column, const struct tt_value *value)
{
	char utc[TT_TIMESPEC_MAX];

	tt_buf_char(buf, ',');
	tt_buf_jsonn(buf, column, strlen(column) - 3);
	tt_buf_char(buf, ':');
	if (value->type != TT_INTEGER) {
		tt_buf_str(buf, "null");
		return;
	}
	tt_timespec_utc(value->i, utc);
	tt_buf_json(buf, utc);
}

static void members(struct tt_buf *buf, const struct tt_query_row *row, bool raw)
{
	for (unsigned i = 0; i < row->n; i++) {
		if (i)
			tt_buf_char(buf, ',');
		tt_buf_json(buf, row->names[i]);
		tt_buf_char(buf, ':');
		add_value(buf, &row->values[i], !raw && holds_json(row->names[i]));
		if (!raw && tt_json_is_time(row->names[i]))
			add_time(buf, row->names[i], &row->values[i]);
	}
}

void tt_json_members(struct tt_buf *buf, const struct tt_query_row *row)
{
	members(buf, row, false);
}

void tt_json_members_raw(struct tt_buf *buf, const struct tt_query_row *row)
{
	members(buf, row, true);
}

struct array {
	struct tt_output *out;
	bool begun;
};

static int array_row(const struct tt_query_row *row, void *arg)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;
	struct array *array = arg;

	tt_buf_str(&buf, array->begun ? ",{" : "{");
	array->begun = true;
	tt_json_members(&buf, row);
	tt_buf_char(&buf, '}');
	tt_output_raw(array->out, &buf);
	return array->out->error;
}

static void put(struct tt_output *out, const char *s)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;

	tt_buf_str(&buf, s);
	tt_output_raw(out, &buf);
}

int tt_json_array(struct tt_query_db *db, struct tt_output *out, const char *sql, const char *const *params,
		  unsigned n_params)
{
	struct array array = { .out = out };
	int r;

	put(out, "[");
	r = tt_row_run(db, sql, params, n_params, NULL, array_row, &array);
	put(out, "]");
	return r;
}

static void add_word(struct tt_buf *buf, const char *word, size_t len)
{
	bool plain = len > 0;

	for (size_t i = 0; i < len; i++)
		if (isspace((unsigned char)word[i]) || strchr("'\"\\$`&|;()*?", word[i]))
			plain = false;
	if (plain) {
		tt_buf_add(buf, word, len);
		return;
	}
	tt_buf_char(buf, '\'');
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '\'')
			tt_buf_str(buf, "'\\''");
		else
			tt_buf_char(buf, word[i]);
	}
	tt_buf_char(buf, '\'');
}

void tt_json_argv(struct tt_buf *buf, const char *json, size_t len)
{
	json_t *argv = json_loadb(json, len, JSON_ALLOW_NUL, NULL), *word;
	size_t i;

	if (!json_is_array(argv)) {
		tt_buf_add(buf, json, len);
		json_decref(argv);
		return;
	}
	json_array_foreach(argv, i, word)
	{
		if (i)
			tt_buf_char(buf, ' ');
		if (json_is_string(word))
			add_word(buf, json_string_value(word), json_string_length(word));
	}
	json_decref(argv);
}
