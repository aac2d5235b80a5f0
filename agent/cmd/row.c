/* SPDX-License-Identifier: Apache-2.0 */
/* Queries whose rows are C strings; see row.h. */
#include "cmd/row.h"

#include <errno.h>
#include <signal.h>

static struct tt_query_db *volatile running;
static volatile sig_atomic_t interrupted;

void tt_row_interrupt(void)
{
	struct tt_query_db *db = running;

	interrupted = 1;
	if (db)
		tt_query_interrupt(db);
}

struct runner {
	struct tt_buf text;
	struct tt_value *values;
	unsigned cap;
	int (*head)(unsigned n, const char *const *names, void *arg);
	int (*fn)(const struct tt_query_row *row, void *arg);
	void *arg;
};

static int pass_head(unsigned n, const char *const *names, void *arg)
{
	struct runner *runner = arg;

	return runner->head ? runner->head(n, names, runner->arg) : 0;
}

static int reserve(struct runner *runner, unsigned n)
{
	struct tt_value *values;

	if (n <= runner->cap)
		return 0;
	values = reallocarray(runner->values, n, sizeof(*values));
	if (!values)
		return -ENOMEM;
	runner->values = values;
	runner->cap = n;
	return 0;
}

static int copy_row(const struct tt_query_row *row, void *arg)
{
	struct runner *runner = arg;
	struct tt_query_row copy = { row->n, row->names, NULL };
	size_t at = 0;

	if (reserve(runner, row->n) < 0)
		return -ENOMEM;
	tt_buf_reset(&runner->text);
	for (unsigned i = 0; i < row->n; i++) {
		if (row->values[i].type == TT_TEXT) {
			tt_buf_add(&runner->text, row->values[i].text, row->values[i].len);
			tt_buf_char(&runner->text, '\0');
		}
	}
	if (!tt_buf_ok(&runner->text))
		return -ENOMEM;
	for (unsigned i = 0; i < row->n; i++) {
		runner->values[i] = row->values[i];
		if (row->values[i].type == TT_TEXT) {
			runner->values[i].text = runner->text.text + at;
			at += row->values[i].len + 1;
		}
	}
	copy.values = runner->values;
	return runner->fn ? runner->fn(&copy, runner->arg) : 0;
}

int tt_row_run(struct tt_query_db *db, const char *sql, const char *const *params, unsigned n_params,
	       int (*head)(unsigned n, const char *const *names, void *arg),
	       int (*fn)(const struct tt_query_row *row, void *arg), void *arg)
{
	struct runner runner = { .text = TT_BUF_INIT, .head = head, .fn = fn, .arg = arg };
	struct tt_query_db *outer = running;
	int r = -EINTR;

	running = db;
	if (!interrupted)
		r = tt_query_run(db, sql, params, n_params, pass_head, copy_row, &runner);
	running = outer; /* a row's callback may ask further */
	tt_buf_done(&runner.text);
	free(runner.values);
	return r;
}
