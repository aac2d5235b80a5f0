/* SPDX-License-Identifier: Apache-2.0 */
/* telltale timeline: what a session, a process or everybody did, merged in order of time. An
 * aggregated row stands where it began, with its count. Variables that were merely handed over at exec
 * and have no category are one line per exec: their names are in env_lookup. What every program does when it
 * starts (libraries, locale, variables of no category, the search of PATH) is folded into a line that counts it; --all
 * and --json show each row. */
#include <inttypes.h>
#include <errno.h>

#include "cmd/cmd.h"
#include "cmd/json.h"
#include "cmd/row.h"
#include "util/log.h"
#include "util/timespec.h"

enum {
	T_AT,
	T_LAST,
	T_KIND,
	T_ACTION,
	T_OBJECT,
	T_ARGV,
	T_DETAIL,
	T_ZONE,
	T_CATEGORY,
	T_RESULT,
	T_COUNT,
	T_SOURCE,
	T_TRUNCATED,
	T_PROCESS,
	T_PID,
	T_EXE,
};

/* ?1 session and ?2 process ('' any), ?3 since, ?4 until, ?5 category and ?6 'y' for failures only
 * ('' any), ?7 limit. Every arm has the columns of the enum above. */
static const char timeline_sql[] =
	"WITH RECURSIVE inside(session_id) AS (SELECT ?1 UNION SELECT s.session_id FROM session s "
	"JOIN inside i ON s.parent_session_id = i.session_id), "
	"who AS (SELECT process_id, pid, exe, role, started_ns, ended_ns, exit_status, session_id FROM "
	"process "
	"WHERE (?1 = '' OR session_id IN (SELECT session_id FROM inside)) AND (?2 = '' OR process_id = ?2)) "
	"SELECT * FROM ("
	"SELECT w.started_ns AS at_ns, w.started_ns AS last_ns, 'process' AS kind, 'start' AS action, "
	"NULL AS object, NULL AS argv, w.role AS detail, NULL AS zone, NULL AS category, 0 AS result, "
	"1 AS count, NULL AS source, 0 AS truncated, w.process_id, w.pid, w.exe, w.session_id, "
	"NULL AS row_id, NULL AS revision FROM who w "
	"UNION ALL SELECT w.ended_ns, w.ended_ns, 'process', 'end', NULL, NULL, "
	"CASE WHEN w.exit_status IS NOT NULL THEN 'exit ' || w.exit_status END, NULL, NULL, 0, 1, NULL, 0, "
	"w.process_id, w.pid, w.exe, w.session_id, NULL, NULL FROM who w WHERE w.ended_ns IS NOT NULL "
	"UNION ALL SELECT x.at_ns, x.at_ns, 'exec', 'exec', x.exe, x.argv, NULL, NULL, NULL, x.result, 1, "
	"NULL, 0, w.process_id, w.pid, w.exe, w.session_id, NULL, NULL "
	"FROM who w JOIN process_exec x ON x.process_id = w.process_id "
	"UNION ALL SELECT x.first_ns, x.last_ns, 'file', x.op, x.path, NULL, "
	"CASE WHEN a.row_id IS NOT NULL THEN a.what || ' of ' || CASE WHEN a.of_process_id = x.process_id "
	"THEN 'its own' ELSE coalesce(a.of_exe || ' ', '') || coalesce(a.of_pid, 'a process that is not "
	"known') "
	"END "
	"WHEN x.op = 'rename' THEN 'was ' || x.target "
	"WHEN x.target IS NOT NULL THEN 'leads to ' || x.target "
	"WHEN x.real_path IS NOT NULL THEN 'is ' || x.real_path || coalesce(', outside ' || x.host_path, '') "
	"WHEN x.host_path IS NOT NULL THEN 'outside ' || x.host_path END, "
	"CASE WHEN x.category = 'timezone' THEN (SELECT t.zone FROM timezone_lookup t "
	"WHERE t.source = 'file_access' AND t.row_id = x.row_id) END, x.category, x.result, x.count, "
	"x.path_source, x.truncated, w.process_id, w.pid, w.exe, w.session_id, x.row_id, x.revision "
	"FROM who w JOIN file_access x ON x.process_id = w.process_id "
	"LEFT JOIN process_access a ON a.row_id = x.row_id "
	"UNION ALL SELECT x.first_ns, x.last_ns, 'env', CASE x.source WHEN 'exec' THEN 'handed' ELSE "
	"'getenv' END, "
	"x.name, NULL, CASE WHEN x.value IS NOT NULL THEN '= ' || x.value WHEN x.present = 0 THEN 'not set' "
	"END, "
	"CASE WHEN x.category = 'timezone' THEN (SELECT t.zone FROM timezone_lookup t "
	"WHERE t.source = 'env_lookup' AND t.row_id = x.row_id) END, x.category, 0, x.count, x.source, 0, "
	"w.process_id, w.pid, w.exe, w.session_id, x.row_id, x.revision "
	"FROM who w JOIN env_lookup x ON x.process_id = w.process_id "
	/* environments read as files are among the files */
	"WHERE x.source <> 'environ' AND (x.source <> 'exec' OR x.category IS NOT NULL) "
	"UNION ALL SELECT x.first_ns, max(x.last_ns), 'env', 'handed', count(*) || ' other variables', NULL, "
	"NULL, NULL, NULL, 0, count(*), 'exec', 0, w.process_id, w.pid, w.exe, w.session_id, NULL, NULL "
	"FROM who w JOIN env_lookup x ON x.process_id = w.process_id "
	"WHERE x.source = 'exec' AND x.category IS NULL GROUP BY w.process_id, x.first_ns "
	"UNION ALL SELECT x.first_ns, x.last_ns, 'connection', x.protocol, "
	"CASE x.direction WHEN 'in' THEN 'from ' ELSE '' END || "
	"CASE WHEN x.family = 'unix' THEN x.unix_path ELSE CASE x.family WHEN 'inet6' THEN '[' ELSE '' END "
	"|| CASE x.direction WHEN 'listen' THEN x.local_address ELSE x.address END "
	"|| CASE x.family WHEN 'inet6' THEN ']:' ELSE ':' END "
	"|| CASE x.direction WHEN 'listen' THEN x.local_port ELSE x.port END END, NULL, "
	"coalesce(x.hostname || ' ', '') || coalesce(x.state, ''), NULL, x.category, x.result, x.count, "
	"x.address_source, 0, w.process_id, w.pid, w.exe, w.session_id, x.row_id, x.revision "
	"FROM who w JOIN connection x ON x.process_id = w.process_id AND x.count > 0 "
	"UNION ALL SELECT x.first_ns, x.last_ns, 'name', 'asked', x.name || ' ' || coalesce(x.type, ''), "
	"NULL, "
	"CASE WHEN x.result > 0 THEN 'response code ' || x.result ELSE x.answers END, NULL, NULL, 0, "
	"x.count, x.source, 0, w.process_id, w.pid, w.exe, "
	"w.session_id, x.row_id, x.revision FROM who w JOIN name_lookup x ON x.process_id = w.process_id"
	") WHERE coalesce(last_ns, at_ns, 9223372036854775807) >= CAST(?3 AS INTEGER) "
	"AND coalesce(at_ns, 0) <= CAST(?4 AS INTEGER) AND (?5 = '' OR category = ?5) "
	"AND (?6 = '' OR result < 0) ORDER BY at_ns, CASE action WHEN 'start' THEN 0 WHEN 'end' THEN 2 ELSE "
	"1 END "
	"LIMIT CAST(?7 AS INTEGER)";

static const struct tt_column columns[] = {
	{ "SECONDS", true, TT_KEEP }, { "PROCESS", false, TT_CUT_HEAD }, { "WHAT", false, TT_KEEP },
	{ "ON", false, TT_CUT_HEAD }, { "CATEGORY", false, TT_KEEP },	 { "MORE", false, TT_CUT_TAIL },
};

/* What a process did that every program does. */
struct routine {
	char process[17], who[64];
	unsigned variables, files, execs;
};

struct timeline {
	struct tt_output *out;
	struct tt_table *table; /* NULL: JSON, or no row yet */
	bool json, all;
	struct routine routine;
	uint64_t rows, folded;
	int64_t first_ns;
};

static const struct look {
	const char *kind, *action; /* action NULL: any */
	enum tt_style style;
} looks[] = {
	{ "process", NULL, TT_DIM },	 { "exec", NULL, TT_ACCENT },	  { "connection", NULL, TT_GOOD },
	{ "file", "write", TT_NOTICE },	 { "file", "create", TT_NOTICE }, { "file", "rename", TT_NOTICE },
	{ "file", "unlink", TT_NOTICE }, { "file", "link", TT_NOTICE },	  { "file", "truncate", TT_NOTICE },
	{ "file", "chmod", TT_NOTICE },
};

static enum tt_style action_style(const struct tt_query_row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
		if (tt_row_is(row, T_KIND, looks[i].kind) &&
		    (!looks[i].action || tt_row_is(row, T_ACTION, looks[i].action)))
			return looks[i].style;
	return TT_PLAIN;
}

static enum tt_style category_style(const struct tt_query_row *row)
{
	return tt_row_is(row, T_CATEGORY, "credential") ? TT_BAD
	       : tt_row_is(row, T_CATEGORY, "timezone") ? TT_NOTICE
							: TT_PLAIN;
}

static void add_note(struct tt_buf *note, const char *text)
{
	if (note->len)
		tt_buf_str(note, ", ");
	tt_buf_str(note, text);
}

/* What limits the row or explains it: the last column. */
static void add_notes(struct tt_buf *note, const struct tt_query_row *row, const struct tt_output *out)
{
	int64_t result = tt_row_int(row, T_RESULT, 0), count = tt_row_int(row, T_COUNT, 1);
	const char *detail = tt_row_text(row, T_DETAIL, "");
	char text[96];

	/* a connection's state says it already, mostly */
	if (result < 0 && (!tt_row_is(row, T_KIND, "connection") || strstr(detail, "failed")))
		add_note(note, strerror((int)-result));
	if (*detail)
		add_note(note, detail);
	if (tt_row_has(row, T_ZONE)) {
		snprintf(text, sizeof(text), "zone %s", tt_row_text(row, T_ZONE, ""));
		add_note(note, text);
	}
	if (count > 1 && !tt_row_is(row, T_ACTION, "handed")) {
		snprintf(text, sizeof(text), "%s%" PRId64, tt_output_glyph(out, "\u00d7", "x"), count);
		add_note(note, text);
	}
	if (tt_row_int(row, T_TRUNCATED, 0))
		add_note(note, "path cut");
}

static void cell_object(struct tt_table *table, const struct tt_query_row *row)
{
	_cleanup_(tt_buf_done) struct tt_buf line = TT_BUF_INIT;

	if (tt_row_has(row, T_ARGV))
		tt_json_argv(&line, row->values[T_ARGV].text, row->values[T_ARGV].len);
	if (line.len)
		tt_table_celln(table, TT_PLAIN, line.text, line.len);
	else if (tt_row_has(row, T_OBJECT))
		tt_table_celln(table, TT_PLAIN, row->values[T_OBJECT].text, row->values[T_OBJECT].len);
	else
		tt_table_cell(table, TT_PLAIN, "");
}

static int begin_text(struct timeline *t, const struct tt_query_row *row)
{
	char when[TT_TIMESPEC_MAX] = "an unknown time";

	t->first_ns = tt_row_int(row, T_AT, 0);
	if (t->first_ns)
		tt_timespec_local(t->first_ns, when);
	tt_output_printf(t->out, TT_BOLD, "Seconds since %s", when);
	tt_output_line(t->out);
	t->table = tt_table_new(t->out, columns, ARRAY_SIZE(columns));
	return t->table ? 0 : -ENOMEM;
}

/* The counter of a row that every program's start has; NULL: worth a line of its own. */
static unsigned *routine_counter(struct routine *routine, const struct tt_query_row *row)
{
	bool exec = tt_row_is(row, T_ACTION, "exec");

	if (tt_row_is(row, T_KIND, "env"))
		return !tt_row_has(row, T_CATEGORY) || tt_row_is(row, T_CATEGORY, "locale")
			       ? &routine->variables
			       : NULL;
	/* a directory of PATH that does not have it */
	if (exec && tt_row_int(row, T_RESULT, 0) < 0)
		return &routine->execs;
	/* the exec itself has a line, with the arguments */
	if (exec && tt_row_is(row, T_KIND, "file"))
		return &routine->files;
	if (tt_row_is(row, T_KIND, "file") &&
	    (tt_row_is(row, T_CATEGORY, "locale") || tt_row_is(row, T_CATEGORY, "system-library")))
		return &routine->files;
	return NULL;
}

static void routine_part(struct tt_buf *line, unsigned n, const char *one, const char *many)
{
	if (n)
		tt_buf_printf(line, "%s%u %s", line->len ? ", " : "", n, n == 1 ? one : many);
}

/* What was folded is counted, never just left out. */
static void end_routine(struct timeline *t)
{
	_cleanup_(tt_buf_done) struct tt_buf line = TT_BUF_INIT;
	struct routine *routine = &t->routine;

	routine_part(&line, routine->variables, "variable", "variables");
	routine_part(&line, routine->files, "file", "files");
	routine_part(&line, routine->execs, "exec that found nothing", "execs that found nothing");
	if (line.len) {
		tt_table_cell(t->table, TT_DIM, "");
		tt_table_cellf(t->table, TT_DIM, "%s", routine->who);
		tt_table_cell(t->table, TT_DIM, tt_output_glyph(t->out, "\u2026", "..."));
		tt_table_celln(t->table, TT_DIM, line.text, line.len);
		tt_table_cell(t->table, TT_DIM, "routine");
		tt_table_cell(t->table, TT_DIM, "");
		t->folded += routine->variables + routine->files + routine->execs;
	}
	*routine = (struct routine){ .process = "" };
}

/* True: the row is one more of a process's routine, and was counted. A line of it ends with the process's part of the
 * timeline, at its next exec, and before it ends. */
static bool fold(struct timeline *t, const struct tt_query_row *row)
{
	const char *process = tt_row_text(row, T_PROCESS, "");
	struct routine *routine = &t->routine;
	unsigned *counter = t->all ? NULL : routine_counter(routine, row);

	if (strcmp(routine->process, process) != 0 || tt_row_is(row, T_KIND, "process") ||
	    (!counter && tt_row_is(row, T_KIND, "exec")))
		end_routine(t);
	if (!counter)
		return false;
	snprintf(routine->process, sizeof(routine->process), "%s", process);
	snprintf(routine->who, sizeof(routine->who), "%s[%" PRId64 "]",
		 tt_basename(tt_row_text(row, T_EXE, "?")), tt_row_int(row, T_PID, 0));
	(*counter)++;
	return true;
}

static int print_text(struct timeline *t, const struct tt_query_row *row)
{
	_cleanup_(tt_buf_done) struct tt_buf note = TT_BUF_INIT;
	int64_t at = tt_row_int(row, T_AT, 0);
	bool failed = tt_row_int(row, T_RESULT, 0) < 0;

	if (t->rows == 1) {
		int r = begin_text(t, row);

		if (r < 0)
			return r;
	}
	/* the first rows may be those whose time is not known */
	if (!t->first_ns)
		t->first_ns = at;
	if (fold(t, row))
		return 0;
	if (at)
		tt_table_cellf(t->table, TT_DIM, "%.6f", (double)(at - t->first_ns) / 1e9);
	else
		tt_table_cell(t->table, TT_DIM, "?");
	tt_table_cellf(t->table, TT_PLAIN, "%s[%" PRId64 "]", tt_basename(tt_row_text(row, T_EXE, "?")),
		       tt_row_int(row, T_PID, 0));
	tt_table_cell(t->table, failed ? TT_DIM : action_style(row), tt_row_text(row, T_ACTION, "?"));
	cell_object(t->table, row);
	tt_table_cell(t->table, category_style(row), tt_row_text(row, T_CATEGORY, ""));
	add_notes(&note, row, t->out);
	tt_table_celln(t->table, failed ? TT_NOTICE : TT_PLAIN, note.text ? note.text : "", note.len);
	return 0;
}

static int timeline_row(const struct tt_query_row *row, void *arg)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;
	struct timeline *t = arg;

	t->rows++;
	if (!t->json) {
		int r = print_text(t, row);

		return r < 0 ? r : t->out->error;
	}
	tt_buf_char(&buf, '{');
	tt_json_members(&buf, row);
	tt_buf_char(&buf, '}');
	tt_output_json(t->out, &buf);
	return t->out->error;
}

struct filter {
	char session[17], process[17];
	const char *category;
	bool failed;
};

static int run(struct tt_query_db *db, const struct filter *filter, const struct tt_cmd_common *common,
	       struct timeline *t)
{
	char since[24], until[24], limit[24];
	const char *params[] = {
		filter->session,
		filter->process,
		since,
		until,
		filter->category ? filter->category : "",
		filter->failed ? "y" : "",
		limit,
	};
	int r;

	snprintf(since, sizeof(since), "%" PRId64, common->since_ns);
	snprintf(until, sizeof(until), "%" PRId64, common->until_ns);
	snprintf(limit, sizeof(limit), "%" PRId64,
		 common->limit && common->limit < INT64_MAX ? (int64_t)common->limit : INT64_MAX);
	r = tt_row_run(db, timeline_sql, params, ARRAY_SIZE(params), NULL, timeline_row, t);
	if (t->table)
		end_routine(t);
	tt_table_end(t->table);
	if (t->folded) {
		tt_output_printf(t->out, TT_DIM,
				 "%" PRIu64
				 " rows of what every program does when it starts are only counted; --all "
				 "shows them",
				 t->folded);
		tt_output_line(t->out);
	}
	return r;
}

static int resolve(struct tt_query_db *db, const char *prefix, struct filter *filter)
{
	char id[17], kind = 0;
	int r;

	if (!prefix)
		return 0;
	r = tt_cmd_resolve(db, prefix, "sp", id, &kind);
	if (r == 0)
		memcpy(kind == 'p' ? filter->process : filter->session, id, sizeof(id));
	return r;
}

int tt_cmd_timeline(int argc, char **argv)
{
	struct filter filter = { .category = NULL };
	bool all = false;
	const struct tt_cmd_option options[] = {
		{ "all", 'a', NULL, "also each row of what every program does when it starts", &all, NULL },
		{ "category", 'c', "NAME", "only timezone, credential, ...", NULL, &filter.category },
		{ "failed", 0, NULL, "only what failed", &filter.failed, NULL },
	};
	const struct tt_cmd_spec spec = {
		.name = "timeline",
		.operands = "[ID]",
		.summary =
			"Prints what a session or process did in order of time; without ID, all sessions.\n"
			"Agents that a session started are included.",
		.want = TT_WANT_DB | TT_WANT_JSON | TT_WANT_TIME | TT_WANT_LIMIT | TT_WANT_TEXT,
		.options = options,
		.n_options = ARRAY_SIZE(options),
		.max_operands = 1,
	};
	_cleanup_(tt_query_closep) struct tt_query_db *db = NULL;
	struct tt_cmd_common common;
	struct tt_output out;
	struct timeline t = { .out = &out };
	int r, first, status;

	first = tt_cmd_parse(&spec, argc, argv, &common, &status);
	if (first < 0)
		return status;
	if (tt_cmd_open(&common, &db) < 0)
		return TT_EXIT_FAILURE;
	status = resolve(db, argv[first], &filter);
	if (status != 0)
		return status;
	t.json = common.json;
	/* who asks for something gets it */
	t.all = all || filter.category || filter.failed;
	tt_output_open(&out, common.color, !common.json && !common.no_pager);
	r = run(db, &filter, &common, &t);
	if (r < 0 && !tt_output_failed(&out))
		return tt_cmd_finish(&out, tt_cmd_query_failed(db, r));
	status = tt_cmd_finish(&out, TT_EXIT_OK);
	if (t.rows == 0)
		tt_log_info("nothing recorded%s",
			    filter.category || filter.failed || common.since_ns ? " that matches" : "");
	return status;
}
