/* SPDX-License-Identifier: Apache-2.0 */
/* The risk record: what a person, or a program, is told about one session; see record.h.
 *
 * The text is for reading: sections are cut after a few rows and say so, never silently. What limits
 * the record (losses, blind sensors, a session still running) is part of it, near the top. The JSON
 * document has every row with a category and every connection and look-up.
 *
 * Reads the public views only. Prints nothing but through struct tt_output. */
#include "cmd/record.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "cmd/json.h"
#include "cmd/proctree.h"
#include "cmd/row.h"
#include "util/timespec.h"

/* Rows of a section of the text; enough for what is unusual, short enough to read after each run. */
#define ROWS_SHOWN	12
#define TREE_SHOWN	16
#define LABEL		13
#define LAUNCHERS_SHOWN 4

#define OF_SESSION "JOIN process p ON p.process_id = x.process_id WHERE p.session_id = ?1 "

struct record {
	struct tt_query_db *db;
	struct tt_output *out;
	const char *session_id;
	int64_t started_ns;
	bool found;
};

/* ---- small pieces */

static void label(struct tt_output *out, const char *name)
{
	tt_output_text(out, TT_PLAIN, "  ");
	tt_output_text(out, TT_DIM, name);
	tt_output_pad(out, LABEL);
}

static void heading(struct tt_output *out, const char *title)
{
	tt_output_line(out);
	tt_output_text(out, TT_BOLD, title);
}

static void value_text(struct tt_output *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	label(out, name);
	tt_output_text(out, TT_PLAIN, value);
	tt_output_line(out);
}

static enum tt_style level_style(const char *level)
{
	static const struct {
		const char *level;
		enum tt_style style;
	} styles[] = {
		{ "none", TT_GOOD }, { "low", TT_GOOD },       { "medium", TT_NOTICE },
		{ "high", TT_BAD },  { "critical", TT_ALARM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(styles); i++)
		if (tt_streq(level, styles[i].level))
			return styles[i].style;
	return TT_PLAIN;
}

/* "git[4250]", as columns exe and pid */
static void who(struct tt_output *out, const struct tt_query_row *row, unsigned exe)
{
	tt_output_printf(out, TT_DIM, "%s[%" PRId64 "]", tt_basename(tt_row_text(row, exe, "?")),
			 tt_row_int(row, exe + 1, 0));
}

static void count(struct tt_output *out, int64_t n)
{
	if (n > 1)
		tt_output_printf(out, TT_DIM, " %s%" PRId64, tt_output_glyph(out, "\u00d7", "x"), n);
}

static void result(struct tt_output *out, int64_t r)
{
	if (r < 0)
		tt_output_printf(out, TT_NOTICE, " (%s)", strerror((int)-r));
}

/* ---- sections: a heading, rows, and how many more there are */

struct section {
	struct record *record;
	const char *title; /* NULL: goes on with the section before */
	size_t shown, left_out;
	void (*row)(struct record *record, const struct tt_query_row *row);
};

static int section_row(const struct tt_query_row *row, void *arg)
{
	struct section *s = arg;

	if (s->shown == ROWS_SHOWN) {
		s->left_out++;
		return 0;
	}
	if (s->shown++ == 0 && s->title) {
		heading(s->record->out, s->title);
		tt_output_line(s->record->out);
	}
	s->row(s->record, row);
	tt_output_line(s->record->out);
	return s->record->out->error;
}

static int section(struct record *record, const char *title, const char *sql,
		   void (*fn)(struct record *record, const struct tt_query_row *row))
{
	struct section s = { .record = record, .title = title, .row = fn };
	int r = tt_row_run(record->db, sql, &record->session_id, 1, NULL, section_row, &s);

	if (r == 0 && s.left_out) {
		tt_output_printf(record->out, TT_DIM, "  %s and %zu more",
				 tt_output_glyph(record->out, "\u2026", "..."), s.left_out);
		tt_output_line(record->out);
	}
	return r;
}

/* ---- who, where, when */

enum {
	S_ID,
	S_PARENT,
	S_AGENT,
	S_NAME,
	S_VENDOR,
	S_VERSION,
	S_INSTALL,
	S_BUILD,
	S_LAUNCHED,
	S_TTY,
	S_USER,
	S_UID,
	S_CWD,
	S_COMMAND,
	S_STARTED,
	S_ENDED,
	S_STATUS,
	S_SCORE,
	S_LEVEL,
	S_COMPLETE,
	S_GATEWAY,
	S_GATEWAY_SOURCE,
};

static const char session_sql[] =
	"SELECT session_id, parent_session_id, agent, agent_name, vendor, agent_version, install_path, "
	"build_id, launched_by, tty, user, uid, cwd, command, started_ns, ended_ns, exit_status, score, "
	"level, complete, gateway, gateway_source FROM session WHERE session_id = ?1";

static void print_title(struct tt_output *out, const struct tt_query_row *row)
{
	const char *name = tt_row_text(row, S_NAME, NULL), *level = tt_row_text(row, S_LEVEL, "none");

	tt_output_text(out, TT_BOLD, name && *name ? name : tt_row_text(row, S_AGENT, "?"));
	if (tt_row_has(row, S_VERSION))
		tt_output_printf(out, TT_BOLD, " %s", tt_row_text(row, S_VERSION, ""));
	if (tt_row_has(row, S_VENDOR))
		tt_output_printf(out, TT_DIM, "  %s", tt_row_text(row, S_VENDOR, ""));
	tt_output_text(out, TT_PLAIN, "  ");
	tt_output_printf(out, level_style(level), "risk %s, %.4g of 100", level, tt_row_real(row, S_SCORE));
	tt_output_line(out);
}

/* argv as a person would have typed it */
static void print_command(struct tt_output *out, const struct tt_query_row *row)
{
	_cleanup_(tt_buf_done) struct tt_buf line = TT_BUF_INIT;

	if (!tt_row_has(row, S_COMMAND))
		return;
	tt_json_argv(&line, row->values[S_COMMAND].text, row->values[S_COMMAND].len);
	value_text(out, "command",
		   tt_buf_ok(&line) && line.len ? line.text : tt_row_text(row, S_COMMAND, NULL));
}

static void print_when(struct tt_output *out, const struct tt_query_row *row)
{
	int64_t started = tt_row_int(row, S_STARTED, 0), ended = tt_row_int(row, S_ENDED, 0);
	int64_t status = tt_row_int(row, S_STATUS, -1);
	char text[TT_TIMESPEC_MAX];

	label(out, "when");
	if (started)
		tt_timespec_local(started, text);
	tt_output_text(out, TT_PLAIN, started ? text : "unknown");
	if (!ended) {
		tt_output_text(out, TT_NOTICE, ", still running: this record may grow");
	} else if (started) {
		tt_timespec_duration(ended - started, text);
		tt_output_printf(out, TT_PLAIN, ", %s", text);
	}
	if (ended && status < 0)
		tt_output_text(out, TT_DIM, ", exit status not seen");
	else if (ended)
		tt_output_printf(out, status ? TT_NOTICE : TT_PLAIN, ", exit %" PRId64, status);
	tt_output_line(out);
}

/* "from a terminal: bash < tmux < systemd"; that telltale itself is in between goes without saying. */
static void print_launcher(struct tt_output *out, const char *json)
{
	json_t *launcher = json_loads(json, JSON_ALLOW_NUL, NULL), *ancestor;
	const char *kind = json_string_value(json_object_get(launcher, "kind"));
	size_t i, shown = 0;

	if (kind && strcmp(kind, "unknown") != 0)
		tt_output_printf(out, TT_PLAIN, ", from %s", kind);
	json_array_foreach(json_object_get(launcher, "ancestors"), i, ancestor)
	{
		const char *exe = json_string_value(json_object_get(ancestor, "exe"));

		if (i == 0 && exe && strcmp(tt_basename(exe), "telltale") == 0)
			continue;
		if (shown == LAUNCHERS_SHOWN)
			break;
		tt_output_text(out, TT_DIM,
			       shown++				 ? " < "
			       : kind && strcmp(kind, "unknown") ? ": "
								 : ", from ");
		tt_output_text(out, TT_DIM, exe ? tt_basename(exe) : "?");
	}
	json_decref(launcher);
}

static void print_by(struct tt_output *out, const struct tt_query_row *row)
{
	label(out, "by");
	tt_output_text(out, TT_PLAIN, tt_row_text(row, S_USER, "?"));
	if (tt_row_has(row, S_UID))
		tt_output_printf(out, TT_PLAIN, " (uid %" PRId64 ")", tt_row_int(row, S_UID, 0));
	if (tt_row_has(row, S_TTY))
		tt_output_printf(out, TT_PLAIN, " on %s", tt_row_text(row, S_TTY, ""));
	if (tt_row_has(row, S_LAUNCHED))
		print_launcher(out, tt_row_text(row, S_LAUNCHED, ""));
	tt_output_line(out);
}

static void print_installed(struct tt_output *out, const struct tt_query_row *row)
{
	if (!tt_row_has(row, S_INSTALL))
		return;
	label(out, "installed");
	tt_output_text(out, TT_PLAIN, tt_row_text(row, S_INSTALL, ""));
	if (tt_row_has(row, S_BUILD))
		tt_output_printf(out, TT_DIM, "  build %s", tt_row_text(row, S_BUILD, ""));
	tt_output_line(out);
}

static void print_gateway(struct tt_output *out, const struct tt_query_row *row)
{
	if (!tt_row_has(row, S_GATEWAY))
		return;
	label(out, "gateway");
	tt_output_text(out, TT_NOTICE, tt_row_text(row, S_GATEWAY, ""));
	tt_output_printf(out, TT_DIM, "  by %s", tt_row_text(row, S_GATEWAY_SOURCE, "?"));
	tt_output_line(out);
}

static void print_complete(struct tt_output *out, const struct tt_query_row *row)
{
	label(out, "record");
	if (tt_row_int(row, S_COMPLETE, 0))
		tt_output_text(out, TT_GOOD, "complete: nothing the attached sensors saw was lost");
	else
		tt_output_text(out, TT_ALARM, "INCOMPLETE: something was lost, see Losses");
	tt_output_line(out);
}

static int print_header(const struct tt_query_row *row, void *arg)
{
	struct record *record = arg;
	struct tt_output *out = record->out;

	record->found = true;
	record->started_ns = tt_row_int(row, S_STARTED, 0);
	print_title(out, row);
	print_command(out, row);
	value_text(out, "session", tt_row_text(row, S_ID, NULL));
	value_text(out, "inside", tt_row_text(row, S_PARENT, NULL));
	print_when(out, row);
	print_by(out, row);
	value_text(out, "in", tt_row_text(row, S_CWD, NULL));
	print_installed(out, row);
	print_gateway(out, row);
	print_complete(out, row);
	return 0;
}

/* ---- coverage: what no sensor could see, per sensor and reason */

#define COVERAGE_MAX 24

struct coverage {
	struct {
		char sensor[64], state[16], why[384], example[48];
		unsigned processes;
	} v[COVERAGE_MAX];
	unsigned n, more;
};

static void coverage_add(struct coverage *c, const char *sensor, const char *state, const char *why,
			 const struct tt_query_row *row)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (strcmp(c->v[i].sensor, sensor) == 0 && strcmp(c->v[i].state, state) == 0 &&
		    strncmp(c->v[i].why, why, sizeof(c->v[i].why) - 1) == 0) {
			c->v[i].processes++;
			return;
		}
	}
	if (c->n == COVERAGE_MAX) {
		c->more++;
		return;
	}
	snprintf(c->v[c->n].sensor, sizeof(c->v[0].sensor), "%s", sensor);
	snprintf(c->v[c->n].state, sizeof(c->v[0].state), "%s", state);
	snprintf(c->v[c->n].why, sizeof(c->v[0].why), "%s", why);
	snprintf(c->v[c->n].example, sizeof(c->v[0].example), "%s[%" PRId64 "]",
		 tt_basename(tt_row_text(row, 1, "?")), tt_row_int(row, 2, 0));
	c->v[c->n++].processes = 1;
}

/* {"env": {"state": "blind", "why": "..."}} or {"env": "blind"} */
static int coverage_row(const struct tt_query_row *row, void *arg)
{
	json_t *json = json_loadb(row->values[0].text, row->values[0].len, JSON_ALLOW_NUL, NULL), *entry;
	const char *sensor;

	json_object_foreach(json, sensor, entry)
	{
		const char *state = json_string_value(json_is_object(entry) ? json_object_get(entry, "state")
									    : entry);
		const char *why = json_string_value(json_object_get(entry, "why"));

		if (state && strcmp(state, "seen") != 0)
			coverage_add(arg, sensor, state, why ? why : "", row);
	}
	json_decref(json);
	return 0;
}

/* Sensors that are limited alike are one line: "process, file, net". */
static void coverage_merge(struct coverage *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		for (unsigned k = i + 1; k < c->n; k++) {
			char both[2 * sizeof(c->v[0].sensor) + 2];

			if (c->v[i].processes != c->v[k].processes ||
			    strcmp(c->v[i].state, c->v[k].state) != 0 ||
			    strcmp(c->v[i].why, c->v[k].why) != 0 ||
			    strcmp(c->v[i].example, c->v[k].example) != 0 ||
			    strlen(c->v[i].sensor) + 2 + strlen(c->v[k].sensor) >= sizeof(c->v[0].sensor))
				continue;
			snprintf(both, sizeof(both), "%s, %s", c->v[i].sensor, c->v[k].sensor);
			memcpy(c->v[i].sensor, both, sizeof(c->v[i].sensor));
			memmove(&c->v[k], &c->v[k + 1], (c->n - k - 1) * sizeof(c->v[0]));
			c->n--;
			k--;
		}
	}
}

static int print_coverage(struct record *record)
{
	struct tt_output *out = record->out;
	struct coverage c = { .n = 0 };
	int r;

	r = tt_row_run(
		record->db,
		"SELECT coverage, exe, pid FROM process WHERE session_id = ?1 AND coverage IS NOT NULL",
		&record->session_id, 1, NULL, coverage_row, &c);
	if (r < 0)
		return r;
	coverage_merge(&c);
	for (unsigned i = 0; i < c.n; i++) {
		bool blind = strcmp(c.v[i].state, "blind") == 0;

		label(out, c.v[i].state);
		tt_output_printf(out, blind ? TT_BAD : TT_NOTICE, "%s", c.v[i].sensor);
		if (c.v[i].processes > 1)
			tt_output_printf(out, TT_PLAIN, " in %u processes, %s first", c.v[i].processes,
					 c.v[i].example);
		else
			tt_output_printf(out, TT_PLAIN, " in %s", c.v[i].example);
		if (c.v[i].why[0])
			tt_output_printf(out, TT_PLAIN, ": %s", c.v[i].why);
		tt_output_line(out);
	}
	if (c.more) {
		label(out, "limited");
		tt_output_printf(out, TT_NOTICE, "%u further reasons: telltale show --json", c.more);
		tt_output_line(out);
	}
	return 0;
}

/* ---- why this score */

#define REASONS_MAX 32

struct reason {
	char rule[64], text[160], example[256], who[64];
	double points;
	unsigned processes;
};

struct reasons {
	struct reason v[REASONS_MAX];
	unsigned n, more;
};

static const char *member(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static void reason_add(struct reasons *reasons, const json_t *json, const struct tt_query_row *row)
{
	const char *rule = member(json, "rule");
	double points = json_number_value(json_object_get(json, "points"));
	struct reason *reason = NULL;

	for (unsigned i = 0; i < reasons->n && !reason; i++)
		if (strncmp(reasons->v[i].rule, rule, sizeof(reason->rule) - 1) == 0)
			reason = &reasons->v[i];
	if (!reason && reasons->n == REASONS_MAX) {
		reasons->more++;
		return;
	}
	if (!reason)
		reason = &reasons->v[reasons->n++];
	reason->processes++;
	if (reason->processes > 1 && points <= reason->points)
		return;
	reason->points = points;
	snprintf(reason->rule, sizeof(reason->rule), "%s", rule);
	snprintf(reason->text, sizeof(reason->text), "%s", member(json, "text"));
	snprintf(reason->example, sizeof(reason->example), "%s", member(json, "example"));
	snprintf(reason->who, sizeof(reason->who), "%s[%" PRId64 "]", tt_basename(tt_row_text(row, 1, "?")),
		 tt_row_int(row, 2, 0));
}

static int reasons_row(const struct tt_query_row *row, void *arg)
{
	json_t *list = json_loadb(row->values[0].text, row->values[0].len, JSON_ALLOW_NUL, NULL), *one;
	size_t i;

	json_array_foreach(list, i, one) reason_add(arg, one, row);
	json_decref(list);
	return 0;
}

static int compare_reasons(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	return x->points < y->points ? 1 : x->points > y->points ? -1 : strcmp(x->rule, y->rule);
}

static int print_reasons(struct record *record)
{
	_cleanup_free_ struct reasons *reasons = calloc(1, sizeof(*reasons));
	struct tt_output *out = record->out;
	int r;

	if (!reasons)
		return -ENOMEM;
	r = tt_row_run(record->db,
		       "SELECT x.reasons, p.exe, p.pid FROM risk_record x " OF_SESSION
		       "AND x.reasons IS NOT NULL ORDER BY x.score DESC",
		       &record->session_id, 1, NULL, reasons_row, reasons);
	if (r < 0 || reasons->n == 0)
		return r;
	qsort(reasons->v, reasons->n, sizeof(*reasons->v), compare_reasons);
	heading(out, "Why");
	tt_output_line(out);
	for (unsigned i = 0; i < reasons->n && i < ROWS_SHOWN; i++) {
		struct reason *reason = &reasons->v[i];

		tt_output_printf(out, reason->points >= 15 ? TT_BAD : TT_NOTICE, "  %+6.1f", reason->points);
		tt_output_printf(out, TT_PLAIN, "  %s", reason->text[0] ? reason->text : reason->rule);
		if (reason->example[0])
			tt_output_printf(out, TT_PLAIN, ": %s", reason->example);
		tt_output_printf(out, TT_DIM, "  %s", reason->who);
		if (reason->processes > 1)
			tt_output_printf(out, TT_DIM, " and %u more", reason->processes - 1);
		tt_output_line(out);
	}
	if (reasons->n > ROWS_SHOWN || reasons->more) {
		tt_output_printf(out, TT_DIM, "  and further reasons: telltale show --json");
		tt_output_line(out);
	}
	return 0;
}

/* ---- what it did */

static int print_processes(struct record *record)
{
	_cleanup_(tt_proctree_freep) struct tt_proctree *tree = NULL;
	struct tt_output *out = record->out;
	size_t left_out;
	int r;

	r = tt_proctree_load(record->db, record->session_id, false, &tree);
	if (r < 0 || tt_proctree_count(tree) == 0)
		return r;
	heading(out, "Processes");
	tt_output_printf(out, TT_DIM, "  %zu", tt_proctree_count(tree));
	tt_output_line(out);
	left_out = tt_proctree_print(tree, out, TREE_SHOWN);
	if (left_out) {
		tt_output_printf(out, TT_DIM, "  %s and %zu more: telltale tree %s",
				 tt_output_glyph(out, "\u2026", "..."), left_out, record->session_id);
		tt_output_line(out);
	}
	return 0;
}

static void child_session_row(struct record *record, const struct tt_query_row *row)
{
	const char *level = tt_row_text(row, 3, "none");

	tt_output_printf(record->out, TT_PLAIN, "  %s  %s %s  ", tt_row_text(row, 0, ""),
			 tt_row_text(row, 1, "?"), tt_row_text(row, 2, ""));
	tt_output_printf(record->out, level_style(level), "%s, %.4g", level, tt_row_real(row, 4));
}

static void credential_row(struct record *record, const struct tt_query_row *row)
{
	struct tt_output *out = record->out;
	int64_t r = tt_row_int(row, 2, 0);

	tt_output_printf(out, r < 0 ? TT_DIM : TT_BAD, "  %-9s", tt_row_text(row, 1, "?"));
	tt_output_textn(out, r < 0 ? TT_DIM : TT_PLAIN, tt_row_text(row, 0, "?"),
			tt_row_has(row, 0) ? row->values[0].len : 1);
	if (tt_row_int(row, 6, 0))
		tt_output_text(out, TT_NOTICE, " (path cut)");
	count(out, tt_row_int(row, 3, 1));
	result(out, r);
	tt_output_text(out, TT_PLAIN, "  ");
	who(out, row, 4);
}

static void timezone_row(struct record *record, const struct tt_query_row *row)
{
	struct tt_output *out = record->out;
	int64_t first = tt_row_int(row, 3, 0);
	char text[TT_TIMESPEC_MAX];

	tt_output_text(out, TT_PLAIN, "  ");
	tt_output_text(out, TT_NOTICE, tt_row_text(row, 0, "?"));
	tt_output_pad(out, 26);
	tt_output_text(out, tt_row_has(row, 1) ? TT_PLAIN : TT_DIM,
		       tt_row_text(row, 1, tt_row_int(row, 7, 0) ? "not set at the start" : "zone unknown"));
	count(out, tt_row_int(row, 2, 1));
	result(out, tt_row_int(row, 6, 0));
	if (first && record->started_ns) {
		tt_timespec_duration(first - record->started_ns, text);
		tt_output_printf(out, TT_DIM, "  after %s", text);
	}
	tt_output_text(out, TT_PLAIN, "  ");
	who(out, row, 4);
}

/* One category: its names, those with a value first. */
static void env_row(struct record *record, const struct tt_query_row *row)
{
	struct tt_output *out = record->out;
	int64_t more = tt_row_int(row, 2, 0);

	tt_output_text(out, TT_PLAIN, "  ");
	tt_output_text(out, TT_NOTICE, tt_row_text(row, 0, "other"));
	tt_output_pad(out, 20);
	tt_output_text(out, TT_PLAIN, tt_row_text(row, 1, "?"));
	if (more > 0)
		tt_output_printf(out, TT_DIM, " and %" PRId64 " more", more);
	count(out, tt_row_int(row, 3, 1));
	/* handed over at exec is not looked up: the difference matters */
	tt_output_printf(out, TT_DIM, "  %s  ",
			 tt_row_int(row, 4, 0) ? "looked up" : "handed over at exec, no look-up seen");
	if (tt_row_int(row, 7, 1) > 1)
		tt_output_printf(out, TT_DIM, "%" PRId64 " processes", tt_row_int(row, 7, 1));
	else
		who(out, row, 5);
}

static void env_total_row(struct record *record, const struct tt_query_row *row)
{
	tt_output_printf(record->out, TT_PLAIN,
			 "  %" PRId64 " names looked up, %" PRId64
			 " handed over at exec (values are not kept)",
			 tt_row_int(row, 0, 0), tt_row_int(row, 1, 0));
}

static void files_row(struct record *record, const struct tt_query_row *row)
{
	static const struct {
		unsigned column;
		enum tt_style style;
		const char *words;
	} others[] = {
		{ 2, TT_PLAIN, "written" },
		{ 6, TT_PLAIN, "renamed, linked, removed or their mode changed" },
		{ 5, TT_DIM, "looked at" },
		{ 3, TT_DIM, "looked for in vain" },
	};
	struct tt_output *out = record->out;

	tt_output_text(out, TT_PLAIN, "  ");
	tt_output_text(out, TT_PLAIN, tt_row_text(row, 0, "other"));
	tt_output_pad(out, 20);
	tt_output_printf(out, TT_PLAIN, "%" PRId64 " opened", tt_row_int(row, 1, 0));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (tt_row_int(row, others[i].column, 0))
			tt_output_printf(out, others[i].style, ", %" PRId64 " %s",
					 tt_row_int(row, others[i].column, 0), others[i].words);
	count(out, tt_row_int(row, 4, 0));
}

static void connection_row(struct record *record, const struct tt_query_row *row)
{
	struct tt_output *out = record->out;
	const char *address = tt_row_text(row, 1, NULL), *state = tt_row_text(row, 5, "?"),
		   *direction = tt_row_text(row, 11, "out");
	bool v6 = address && strchr(address, ':');

	tt_output_printf(out, TT_PLAIN, "  %-5s", tt_row_text(row, 0, "?"));
	if (strcmp(direction, "in") == 0)
		tt_output_text(out, TT_PLAIN, "from ");
	if (address)
		tt_output_printf(out, TT_PLAIN, "%s%s%s:%" PRId64, v6 ? "[" : "", address, v6 ? "]" : "",
				 tt_row_int(row, 2, 0));
	else
		tt_output_text(out, TT_PLAIN, tt_row_text(row, 3, "?"));
	if (tt_row_has(row, 4))
		tt_output_printf(out, TT_ACCENT, " %s", tt_row_text(row, 4, ""));
	tt_output_printf(out, strcmp(state, "established") == 0 ? TT_GOOD : TT_DIM, " %s", state);
	if (tt_row_has(row, 6))
		tt_output_printf(out, TT_NOTICE, " (%s)", tt_row_text(row, 6, ""));
	count(out, tt_row_int(row, 7, 1));
	tt_output_text(out, TT_PLAIN, "  ");
	who(out, row, 8);
}

static void loss_row(struct record *record, const struct tt_query_row *row)
{
	struct tt_output *out = record->out;
	char from[TT_TIMESPEC_MAX] = "?", to[TT_TIMESPEC_MAX] = "?";

	if (tt_row_has(row, 3))
		tt_timespec_local_clock(tt_row_int(row, 3, 0), from);
	if (tt_row_has(row, 4))
		tt_timespec_local_clock(tt_row_int(row, 4, 0), to);
	tt_output_printf(out, TT_ALARM, "  %s: %" PRId64 " %s", tt_row_text(row, 0, "?"),
			 tt_row_int(row, 2, 0), tt_row_text(row, 1, "?"));
	tt_output_printf(out, TT_PLAIN, "  %s to %s", from, to);
	if (tt_row_int(row, 5, 0))
		tt_output_text(out, TT_DIM, "  on the whole host, so perhaps of others");
}

/* Which losses concern a session: its own, its processes', and those of nobody known in its time. */
#define LOSS_OF_SESSION                                                                                      \
	"FROM loss l JOIN session s ON s.session_id = ?1 WHERE l.session_id = ?1 "                           \
	"OR l.process_id IN (SELECT process_id FROM process WHERE session_id = ?1) "                         \
	"OR (coalesce(l.session_id, '') = '' AND coalesce(l.process_id, '') = '' "                           \
	"AND coalesce(l.to_ns, s.started_ns) >= s.started_ns "                                               \
	"AND coalesce(l.from_ns, 0) <= coalesce(s.ended_ns, 9223372036854775807)) "

/* With one min() or max(), SQLite takes the other columns from the row that has it: the first to do it. */
static const struct {
	const char *title, *sql;
	void (*row)(struct record *record, const struct tt_query_row *row);
} sections[] = {
	{ "Losses",
	  "SELECT l.sensor, l.kind, sum(l.count), min(l.from_ns), max(l.to_ns), "
	  "coalesce(l.session_id, '') = '' AND coalesce(l.process_id, '') = '' AS host " LOSS_OF_SESSION
	  "GROUP BY 1, 2, host ORDER BY 3 DESC",
	  loss_row },
	{ "Agents it started",
	  "SELECT session_id, agent, agent_version, level, score FROM session WHERE parent_session_id = ?1 "
	  "ORDER BY started_ns",
	  child_session_row },
	{ "Credential files",
	  "SELECT x.path, x.op, x.result, sum(x.count), p.exe, p.pid, x.truncated, min(x.first_ns) "
	  "FROM file_access x " OF_SESSION
	  "AND x.category = 'credential' GROUP BY x.path, x.op, x.result ORDER BY x.result < 0, 8",
	  credential_row },
	{ "Time zone",
	  "SELECT x.how, x.zone, sum(x.count), min(x.first_ns), p.exe, p.pid, x.result, "
	  "x.how = 'TZ' AND EXISTS (SELECT 1 FROM env_lookup e WHERE e.process_id = p.process_id AND "
	  "e.source = "
	  "'exec') AND NOT EXISTS (SELECT 1 FROM env_lookup e WHERE e.process_id = p.process_id AND e.source "
	  "= 'exec' "
	  "AND e.name = 'TZ') "
	  "FROM timezone_lookup x " OF_SESSION "GROUP BY x.how, x.zone, x.result ORDER BY 4",
	  timezone_row },
	{ "Environment",
	  "SELECT count(DISTINCT CASE WHEN x.source <> 'exec' THEN x.name END), "
	  "count(DISTINCT CASE WHEN x.source = 'exec' THEN x.name END) AS handed FROM env_lookup "
	  "x " OF_SESSION "HAVING count(*) > 0",
	  env_total_row },
	{ NULL,
	  "WITH name AS (SELECT x.category, x.name, max(x.value) AS value, max(x.present) AS present, "
	  "sum(CASE WHEN x.source = 'exec' THEN 0 ELSE x.count END) AS n, max(x.source <> 'exec') AS looked, "
	  "p.exe, "
	  "p.pid FROM env_lookup x " OF_SESSION "AND x.category IS NOT NULL GROUP BY x.category, x.name), "
	  "place AS (SELECT *, row_number() OVER (PARTITION BY category, looked ORDER BY value IS NULL, "
	  "name) AS at "
	  "FROM name) SELECT w.category, group_concat(CASE WHEN at <= 5 THEN name || coalesce(' = ' || "
	  "value, "
	  "CASE WHEN present = 0 THEN ' (not set)' ELSE '' END) END, ', '), max(0, count(*) - 5), sum(n), "
	  "looked, exe, "
	  "pid, (SELECT count(DISTINCT x.process_id) FROM env_lookup x " OF_SESSION
	  "AND x.category = w.category AND (x.source <> 'exec') = w.looked) FROM place w "
	  "GROUP BY w.category, looked ORDER BY looked DESC, w.category",
	  env_row },
	{ "Connections",
	  "SELECT x.protocol, CASE WHEN x.direction = 'listen' THEN x.local_address ELSE x.address END AS "
	  "place, "
	  "CASE WHEN x.direction = 'listen' THEN x.local_port ELSE x.port END AS at, x.unix_path, "
	  "x.hostname, "
	  "x.state, x.category, sum(x.count), p.exe, p.pid, min(x.first_ns), x.direction "
	  "FROM connection x " OF_SESSION
	  "GROUP BY x.protocol, place, at, x.unix_path, x.hostname, x.state, x.category, x.direction "
	  "HAVING sum(x.count) > 0 ORDER BY x.family = 'unix', 11",
	  connection_row },
	{ "Files by category",
	  "SELECT x.category, count(DISTINCT CASE WHEN x.result = 0 AND x.op IN ('read', 'write', 'create', "
	  "'open', 'readlink', 'exec') THEN x.path END), "
	  "count(DISTINCT CASE WHEN x.result = 0 AND x.op IN ('write', 'create', 'truncate') THEN x.path "
	  "END), "
	  "count(DISTINCT CASE WHEN x.result < 0 THEN x.path END), sum(x.count), "
	  "count(DISTINCT CASE WHEN x.result = 0 AND x.op IN ('stat', 'list') THEN x.path END), "
	  "count(DISTINCT CASE WHEN x.result = 0 AND x.op IN ('rename', 'link', 'unlink', 'chmod') THEN "
	  "x.path END) FROM file_access "
	  "x " OF_SESSION "GROUP BY x.category ORDER BY x.category IS NULL, 2 DESC",
	  files_row },
};

static int print_text(struct record *record)
{
	int r = tt_row_run(record->db, session_sql, &record->session_id, 1, NULL, print_header, record);

	if (r < 0)
		return r;
	if (!record->found)
		return -ENOENT;
	r = print_coverage(record);
	if (r == 0)
		r = print_reasons(record);
	if (r == 0)
		r = print_processes(record);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sections); i++)
		r = section(record, sections[i].title, sections[i].sql, sections[i].row);
	return r;
}

/* ---- the JSON document */

static const struct {
	const char *key, *sql;
} members[] = {
	{ "processes", "SELECT * FROM process WHERE session_id = ?1 ORDER BY started_ns, pid" },
	{ "execs", "SELECT x.* FROM process_exec x " OF_SESSION "ORDER BY x.at_ns, x.process_id, x.seq" },
	{ "risk_records", "SELECT x.* FROM risk_record x WHERE x.session_id = ?1 ORDER BY x.score DESC" },
	{ "credential_files",
	  "SELECT x.* FROM file_access x " OF_SESSION "AND x.category = 'credential' ORDER BY x.first_ns" },
	{ "files", "SELECT x.* FROM file_access x " OF_SESSION
		   "AND x.category IS NOT NULL AND x.category <> 'credential' ORDER BY x.first_ns" },
	{ "file_counts", "SELECT x.category, x.op, x.result = 0 AS ok, count(DISTINCT x.path) AS paths, "
			 "sum(x.count) AS count FROM file_access x " OF_SESSION "GROUP BY 1, 2, 3" },
	{ "timezone_lookups", "SELECT x.* FROM timezone_lookup x " OF_SESSION "ORDER BY x.first_ns" },
	{ "env_lookups", "SELECT x.* FROM env_lookup x " OF_SESSION "ORDER BY x.first_ns" },
	{ "connections", "SELECT x.* FROM connection x " OF_SESSION "ORDER BY x.first_ns" },
	{ "losses", "SELECT l.* " LOSS_OF_SESSION "ORDER BY l.from_ns" },
	{ "child_sessions", "SELECT * FROM session WHERE parent_session_id = ?1 ORDER BY started_ns" },
};

static int begin_document(const struct tt_query_row *row, void *arg)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;
	struct record *record = arg;

	record->found = true;
	tt_buf_char(&buf, '{');
	tt_json_members(&buf, row);
	tt_output_raw(record->out, &buf);
	return record->out->error;
}

static int print_member(struct record *record, const char *key, const char *sql)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;

	tt_buf_printf(&buf, ",\"%s\":", key);
	tt_output_raw(record->out, &buf);
	return tt_json_array(record->db, record->out, sql, &record->session_id, 1);
}

static int print_json(struct record *record)
{
	_cleanup_(tt_buf_done) struct tt_buf end = TT_BUF_INIT;
	int r = tt_row_run(record->db, "SELECT * FROM session WHERE session_id = ?1", &record->session_id, 1,
			   NULL, begin_document, record);

	if (r == 0 && !record->found)
		return -ENOENT;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++)
		r = print_member(record, members[i].key, members[i].sql);
	if (r < 0)
		return r;
	tt_buf_char(&end, '}');
	tt_output_json(record->out, &end);
	return 0;
}

int tt_record_print(struct tt_query_db *db, const char *session_id, enum tt_record_format format,
		    struct tt_output *out)
{
	struct record record = { .db = db, .out = out, .session_id = session_id };

	return format == TT_RECORD_JSON ? print_json(&record) : print_text(&record);
}
