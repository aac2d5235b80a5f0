/* SPDX-License-Identifier: Apache-2.0 */
/* telltale query: read-only SQL over the public views, or a saved query. Values are printed as SQL
 * returned them; only in the table for people is a column named *_ns a local time. */
#include <errno.h>
#include <inttypes.h>

#include "cmd/cmd.h"
#include "cmd/json.h"
#include "cmd/row.h"
#include "cmd/saved.h"
#include "util/log.h"
#include "util/timespec.h"

struct answer {
	struct tt_output *out;
	enum { TABLE, JSON, CSV } format;
	struct tt_table *table;
	uint64_t rows, limit; /* limit 0: none */
};

/* 2001: smaller numbers in a column called *_ns are durations or counts. */
#define PLAUSIBLE_NS 978307200000000000LL

/* Not an error: fn stopped because it had enough. */
#define ENOUGH 1

static void table_value(struct tt_table *table, const char *name, const struct tt_value *value)
{
	char when[TT_TIMESPEC_MAX];

	switch (value->type) {
	case TT_NULL:
		tt_table_cell(table, TT_DIM, "NULL");
		break;
	case TT_INTEGER:
		if (tt_json_is_time(name) && value->i >= PLAUSIBLE_NS) {
			tt_timespec_local(value->i, when);
			tt_table_cell(table, TT_PLAIN, when);
		} else {
			tt_table_cellf(table, TT_PLAIN, "%" PRId64, value->i);
		}
		break;
	case TT_REAL:
		tt_table_cellf(table, TT_PLAIN, "%.15g", value->d);
		break;
	case TT_TEXT:
		tt_table_celln(table, TT_PLAIN, value->text, value->len);
		break;
	}
}

/* RFC 4180, UTF-8; NULL is empty. A spreadsheet must not run what an observed process wrote: text that
 * begins like a formula gets a quote before it. Other control characters are escaped. */
static void add_csv_text(struct tt_buf *buf, const char *s, size_t len)
{
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;

	tt_buf_terminal(&text, s, len);
	tt_buf_char(buf, '"');
	if (text.len && strchr("=+-@", text.text[0]))
		tt_buf_char(buf, '\'');
	for (size_t i = 0; i < text.len; i++) {
		if (text.text[i] == '"')
			tt_buf_char(buf, '"');
		tt_buf_char(buf, text.text[i]);
	}
	tt_buf_char(buf, '"');
}

static void add_csv(struct tt_buf *buf, const struct tt_value *value)
{
	if (value->type == TT_INTEGER)
		tt_buf_printf(buf, "%" PRId64, value->i);
	else if (value->type == TT_REAL)
		tt_buf_printf(buf, "%.17g", value->d);
	else if (value->type == TT_TEXT)
		add_csv_text(buf, value->text, value->len);
}

static int answer_head(unsigned n, const char *const *names, void *arg)
{
	_cleanup_free_ struct tt_column *columns = calloc(n ? n : 1, sizeof(*columns));
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;
	struct answer *a = arg;

	if (!columns)
		return -ENOMEM;
	if (a->format == CSV) {
		for (unsigned i = 0; i < n; i++) {
			if (i)
				tt_buf_char(&buf, ',');
			add_csv_text(&buf, names[i], strlen(names[i]));
		}
		tt_output_json(a->out, &buf);
	} else if (a->format == TABLE) {
		for (unsigned i = 0; i < n; i++)
			columns[i] = (struct tt_column){ names[i], false, TT_CUT_TAIL };
		a->table = tt_table_new(a->out, columns, n);
		return a->table ? 0 : -ENOMEM;
	}
	return 0;
}

static void print_row(struct answer *a, const struct tt_query_row *row)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;

	if (a->format == TABLE) {
		for (unsigned i = 0; i < row->n; i++)
			table_value(a->table, row->names[i], &row->values[i]);
		return;
	}
	if (a->format == JSON) {
		tt_buf_char(&buf, '{');
		tt_json_members_raw(&buf, row);
		tt_buf_char(&buf, '}');
	} else {
		for (unsigned i = 0; i < row->n; i++) {
			if (i)
				tt_buf_char(&buf, ',');
			add_csv(&buf, &row->values[i]);
		}
	}
	tt_output_json(a->out, &buf);
}

static int answer_row(const struct tt_query_row *row, void *arg)
{
	struct answer *a = arg;

	if (a->limit && a->rows == a->limit)
		return ENOUGH;
	a->rows++;
	print_row(a, row);
	return a->out->error;
}

static int list_saved(struct tt_output *out, bool json)
{
	static const struct tt_column columns[] = {
		{ "NAME", false, TT_KEEP },
		{ "ARGUMENT", false, TT_KEEP },
		{ "ANSWERS", false, TT_CUT_TAIL },
	};
	struct tt_table *table = json ? NULL : tt_table_new(out, columns, ARRAY_SIZE(columns));
	const struct tt_saved *q;

	for (unsigned i = 0; (q = tt_saved_at(i)); i++) {
		_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;

		if (table) {
			tt_table_cell(table, TT_BOLD, q->name);
			tt_table_cell(table, TT_DIM, q->argument ? q->argument : "");
			tt_table_cell(table, TT_PLAIN, q->description);
			continue;
		}
		tt_buf_str(&buf, "{\"name\":");
		tt_buf_json(&buf, q->name);
		tt_buf_str(&buf, ",\"argument\":");
		tt_buf_json(&buf, q->argument);
		tt_buf_str(&buf, ",\"description\":");
		tt_buf_json(&buf, q->description);
		tt_buf_str(&buf, ",\"sql\":");
		tt_buf_json(&buf, q->sql);
		tt_buf_char(&buf, '}');
		tt_output_json(out, &buf);
	}
	tt_table_end(table);
	return tt_cmd_finish(out, TT_EXIT_OK);
}

static const char *saved_name(unsigned i, const void *arg)
{
	const struct tt_saved *q = tt_saved_at(i);

	return q ? q->name : NULL;
}

static int unknown_saved(const char *name)
{
	const char *near = tt_cmd_nearest(name, saved_name, NULL);

	if (near)
		return tt_cmd_usage("query", "no saved query '%s'; did you mean '%s'?", name, near);
	return tt_cmd_usage("query", "no saved query '%s'; --list lists them", name);
}

/* Which SQL with which parameters: 0, or an exit code when it was wrong usage. */
static int choose(const char *saved, char **operands, const char **ret_sql, unsigned *ret_n_params)
{
	const struct tt_saved *q;
	unsigned n = 0;

	while (operands[n])
		n++;
	if (!saved) {
		if (n == 0)
			return tt_cmd_usage("query", "which query? Give SQL, --saved NAME or --list");
		*ret_sql = operands[0];
		*ret_n_params = n - 1;
		return 0;
	}
	q = tt_saved_find(saved);
	if (!q)
		return unknown_saved(saved);
	if (n > (q->argument ? 1u : 0u))
		return tt_cmd_usage("query", "saved query '%s' takes %s", saved,
				    q->argument ? "one argument" : "no argument");
	*ret_sql = q->sql;
	/* operands end with NULL, which is also what an argument left out is in SQL */
	*ret_n_params = q->argument ? 1 : 0;
	return 0;
}

static int run(const struct tt_cmd_common *common, struct tt_output *out, struct answer *answer,
	       const char *sql, const char *const *params, unsigned n_params)
{
	_cleanup_(tt_query_closep) struct tt_query_db *db = NULL;
	int r, status;

	if (tt_cmd_open(common, &db) < 0)
		return TT_EXIT_FAILURE;
	tt_output_open(out, common->color, answer->format == TABLE && !common->no_pager);
	r = tt_row_run(db, sql, params, n_params, answer_head, answer_row, answer);
	tt_table_end(answer->table);
	if (r < 0 && !tt_output_failed(out))
		return tt_cmd_finish(out, tt_cmd_query_failed(db, r));
	status = tt_cmd_finish(out, TT_EXIT_OK);
	if (r == 0 && answer->rows == 0)
		tt_log_info("no rows");
	else if (r == ENOUGH)
		tt_log_info("stopped after %" PRIu64 " rows; there are more", answer->rows);
	return status;
}

int tt_cmd_query(int argc, char **argv)
{
	const char *saved = NULL, *sql = NULL;
	bool listing = false, csv = false;
	const struct tt_cmd_option options[] = {
		{ "saved", 0, "NAME", "run a saved query", NULL, &saved },
		{ "list", 'l', NULL, "list the saved queries", &listing, NULL },
		{ "csv", 0, NULL, "CSV instead of a table", &csv, NULL },
	};
	const struct tt_cmd_spec spec = {
		.name = "query",
		.operands = "SQL [PARAMETER...] | --saved NAME [ARG]",
		.summary =
			"Runs one read-only SELECT over the views (session, process, file_access, ...); the\n"
			"parameters replace ?1, ?2, ...",
		.want = TT_WANT_DB | TT_WANT_JSON | TT_WANT_LIMIT | TT_WANT_TEXT,
		.options = options,
		.n_options = ARRAY_SIZE(options),
		.max_operands = 32,
	};
	struct tt_cmd_common common;
	struct tt_output out;
	struct answer answer = { .out = &out };
	unsigned n_params = 0;
	int first, status;

	first = tt_cmd_parse(&spec, argc, argv, &common, &status);
	if (first < 0)
		return status;
	if (csv && common.json)
		return tt_cmd_usage("query", "--csv and --json exclude each other");
	if (listing) {
		tt_output_open(&out, common.color, !common.json && !common.no_pager);
		return list_saved(&out, common.json);
	}
	status = choose(saved, argv + first, &sql, &n_params);
	if (status != 0)
		return status;
	answer.format = common.json ? JSON : csv ? CSV : TABLE;
	answer.limit = common.limit;
	return run(&common, &out, &answer, sql, (const char *const *)argv + first + (saved ? 0 : 1),
		   n_params);
}
