/* SPDX-License-Identifier: Apache-2.0 */
/* Process tree; see proctree.h. Links by process id and never recurses: an observed process decides how
 * deep the tree is. Rows that form no tree (a parent that was not seen, a cycle in a damaged database)
 * become roots, so that every row is printed once. */
#include "cmd/proctree.h"

#include <errno.h>

#include "cmd/json.h"
#include "cmd/row.h"

/* Deeper levels are indented as this one, with their depth in words. */
#define DEPTH_SHOWN 24

struct tt_proctree {
	struct tt_proc *procs;
	size_t n, cap;
	struct tt_proc **by_id;
	struct tt_proc *first_root;
};

/* ?1: session. The union drops duplicates, which ends a cycle of sessions. */
#define WITH_SESSIONS                                                                                        \
	"WITH RECURSIVE inside(session_id) AS (SELECT ?1 UNION SELECT s.session_id FROM session s "          \
	"JOIN inside i ON s.parent_session_id = i.session_id) "
#define WITH_SESSION "WITH inside(session_id) AS (SELECT ?1) "
/* risk_record has a row for every process; an outer join would make SQLite compute all sessions' first. */
#define PROCESSES                                                                                            \
	"SELECT p.process_id, p.parent_process_id, p.session_id, p.pid, p.started_ns, p.ended_ns, "          \
	"p.exit_status, p.exe, p.argv, p.role, r.files_read, r.credential_files, r.timezone_lookups, "       \
	"r.env_lookups, r.connections, r.score, s.agent, s.agent_version, s.root_process_id "                \
	"FROM process p JOIN inside i ON i.session_id = p.session_id "                                       \
	"JOIN session s ON s.session_id = p.session_id "                                                     \
	"JOIN risk_record r ON r.process_id = p.process_id ORDER BY p.started_ns, p.pid, p.process_id"

enum {
	C_ID,
	C_PARENT,
	C_SESSION,
	C_PID,
	C_STARTED,
	C_ENDED,
	C_STATUS,
	C_EXE,
	C_ARGV,
	C_ROLE,
	C_FILES,
	C_CREDENTIALS,
	C_TIMEZONE,
	C_ENV,
	C_CONNECTIONS,
	C_SCORE,
	C_AGENT,
	C_VERSION,
	C_ROOT,
};

struct loader {
	struct tt_proctree *tree;
	const char *session_id;
};

static void copy_id(char to[17], const struct tt_query_row *row, unsigned i)
{
	snprintf(to, 17, "%s", tt_row_text(row, i, ""));
}

static char *command_line(const struct tt_query_row *row)
{
	_cleanup_(tt_buf_done) struct tt_buf line = TT_BUF_INIT;

	if (tt_row_has(row, C_ARGV))
		tt_json_argv(&line, row->values[C_ARGV].text, row->values[C_ARGV].len);
	if (line.len == 0)
		tt_buf_str(&line, tt_row_text(row, C_EXE, "?"));
	return tt_buf_take(&line);
}

static char *nested_text(const struct tt_query_row *row)
{
	char *text;

	if (asprintf(&text, "%s%s%s, session %s", tt_row_text(row, C_AGENT, "?"),
		     tt_row_has(row, C_VERSION) ? " " : "", tt_row_text(row, C_VERSION, ""),
		     tt_row_text(row, C_SESSION, "?")) < 0)
		return NULL;
	return text;
}

static int tree_add(const struct tt_query_row *row, void *arg)
{
	struct loader *loader = arg;
	struct tt_proctree *tree = loader->tree;
	struct tt_proc *p;

	if (tree->n == tree->cap) {
		size_t cap = tree->cap ? tree->cap * 2 : 64;

		p = reallocarray(tree->procs, cap, sizeof(*p));
		if (!p)
			return -ENOMEM;
		tree->procs = p;
		tree->cap = cap;
	}
	p = &tree->procs[tree->n++];
	*p = (struct tt_proc){
		.pid = tt_row_int(row, C_PID, 0),
		.started_ns = tt_row_int(row, C_STARTED, 0),
		.ended_ns = tt_row_int(row, C_ENDED, 0),
		.exit_status = tt_row_int(row, C_STATUS, -1),
		.files = tt_row_int(row, C_FILES, 0),
		.credentials = tt_row_int(row, C_CREDENTIALS, 0),
		.timezone = tt_row_int(row, C_TIMEZONE, 0),
		.env = tt_row_int(row, C_ENV, 0),
		.connections = tt_row_int(row, C_CONNECTIONS, 0),
		.score = tt_row_real(row, C_SCORE),
		.exe = tt_row_copy(row, C_EXE),
		.role = tt_row_copy(row, C_ROLE),
		.command = command_line(row),
	};
	copy_id(p->process_id, row, C_ID);
	copy_id(p->parent_id, row, C_PARENT);
	copy_id(p->session_id, row, C_SESSION);
	if (strcmp(p->session_id, loader->session_id) != 0 && tt_row_is(row, C_ROOT, p->process_id))
		p->nested = nested_text(row);
	return p->command ? 0 : -ENOMEM;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp((*(struct tt_proc *const *)a)->process_id, (*(struct tt_proc *const *)b)->process_id);
}

static struct tt_proc *tree_find(const struct tt_proctree *tree, const char *id)
{
	struct tt_proc wanted, *key = &wanted, **found;

	snprintf(wanted.process_id, sizeof(wanted.process_id), "%s", id);
	found = bsearch(&key, tree->by_id, tree->n, sizeof(*tree->by_id), compare_ids);
	return found ? *found : NULL;
}

static void tree_set_parent(struct tt_proctree *tree, struct tt_proc *p, struct tt_proc *parent)
{
	struct tt_proc **list = parent ? &parent->child : &tree->first_root;

	p->parent = parent;
	p->sibling = *list;
	*list = p;
}

/* A parent starts no later than its child; equal times go by position. That also rules out cycles. */
static bool can_be_parent(const struct tt_proc *parent, const struct tt_proc *p)
{
	return parent && parent < p;
}

/* procs are in order of start: linking from the last to the first leaves every list in order. */
static int tree_link(struct tt_proctree *tree)
{
	tree->by_id = calloc(tree->n ? tree->n : 1, sizeof(*tree->by_id));
	if (!tree->by_id)
		return -ENOMEM;
	for (size_t i = 0; i < tree->n; i++)
		tree->by_id[i] = &tree->procs[i];
	qsort(tree->by_id, tree->n, sizeof(*tree->by_id), compare_ids);
	for (size_t i = tree->n; i-- > 0;) {
		struct tt_proc *p = &tree->procs[i], *parent = tree_find(tree, p->parent_id);

		tree_set_parent(tree, p, can_be_parent(parent, p) ? parent : NULL);
	}
	for (size_t i = 0; i < tree->n; i++)
		if (tree->procs[i].parent)
			tree->procs[i].depth = tree->procs[i].parent->depth + 1;
	return 0;
}

int tt_proctree_load(struct tt_query_db *db, const char *session_id, bool nested, struct tt_proctree **ret)
{
	_cleanup_(tt_proctree_freep) struct tt_proctree *tree = calloc(1, sizeof(*tree));
	struct loader loader = { tree, session_id };
	int r;

	if (!tree)
		return -ENOMEM;
	r = tt_row_run(db, nested ? WITH_SESSIONS PROCESSES : WITH_SESSION PROCESSES, &session_id, 1, NULL,
		       tree_add, &loader);
	if (r == 0)
		r = tree_link(tree);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(tree);
	return 0;
}

void tt_proctree_free(struct tt_proctree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->n; i++) {
		free(tree->procs[i].exe);
		free(tree->procs[i].command);
		free(tree->procs[i].role);
		free(tree->procs[i].nested);
	}
	free(tree->procs);
	free(tree->by_id);
	free(tree);
}

size_t tt_proctree_count(const struct tt_proctree *tree)
{
	return tree->n;
}

const struct tt_proc *tt_proctree_next(const struct tt_proctree *tree, const struct tt_proc *p)
{
	if (!p)
		return tree->first_root;
	if (p->child)
		return p->child;
	while (p && !p->sibling)
		p = p->parent;
	return p ? p->sibling : NULL;
}

/* The lines that lead to a process, from the root down. */
static void add_branch(struct tt_buf *buf, const struct tt_output *out, const struct tt_proc *p)
{
	const struct tt_proc *path[DEPTH_SHOWN];
	unsigned n = 0;

	for (const struct tt_proc *a = p; a->parent; a = a->parent)
		if (a->depth <= DEPTH_SHOWN)
			path[n++] = a;
	while (n-- > 1)
		tt_buf_str(buf, path[n]->sibling ? tt_output_glyph(out, "\u2502  ", "|  ") : "   ");
	if (p->depth > DEPTH_SHOWN)
		tt_buf_printf(buf, "   (%u deep) ", p->depth);
	else if (p->depth)
		tt_buf_str(buf, p->sibling ? tt_output_glyph(out, "\u251c\u2500 ", "|- ")
					   : tt_output_glyph(out, "\u2514\u2500 ", "`- "));
}

static void cell_status(struct tt_table *table, const struct tt_proc *p)
{
	if (p->exit_status > 0)
		tt_table_cellf(table, TT_NOTICE, "exit %lld", (long long)p->exit_status);
	else if (p->exit_status == 0)
		tt_table_cell(table, TT_DIM, "exit 0");
	else
		tt_table_cell(table, TT_DIM, p->ended_ns ? "ended" : "running");
}

static void cell_count(struct tt_table *table, enum tt_style style, int64_t n)
{
	if (n)
		tt_table_cellf(table, style, "%lld", (long long)n);
	else
		tt_table_cell(table, TT_DIM, "-");
}

static enum tt_style role_style(const char *role)
{
	return tt_streq(role, "agent") ? TT_ACCENT : tt_streq(role, "runtime") ? TT_PLAIN : TT_DIM;
}

static void print_one(struct tt_table *table, const struct tt_output *out, const struct tt_proc *p)
{
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;

	add_branch(&text, out, p);
	if (p->nested)
		tt_buf_printf(&text, "[%s] ", p->nested);
	tt_buf_str(&text, p->command);
	tt_table_cellf(table, TT_PLAIN, "%lld", (long long)p->pid);
	tt_table_cell(table, role_style(p->role), p->role ? p->role : "?");
	cell_status(table, p);
	cell_count(table, TT_PLAIN, p->files);
	cell_count(table, TT_BAD, p->credentials);
	cell_count(table, TT_PLAIN, p->env);
	cell_count(table, TT_NOTICE, p->timezone);
	cell_count(table, TT_PLAIN, p->connections);
	tt_table_celln(table, p->nested ? TT_ACCENT : TT_PLAIN, text.text ? text.text : "", text.len);
}

size_t tt_proctree_print(const struct tt_proctree *tree, struct tt_output *out, size_t limit)
{
	static const struct tt_column columns[] = {
		{ "PID", true, TT_KEEP },   { "ROLE", false, TT_KEEP }, { "STATUS", false, TT_KEEP },
		{ "FILES", true, TT_KEEP }, { "CRED", true, TT_KEEP },	{ "ENV", true, TT_KEEP },
		{ "TZ", true, TT_KEEP },    { "CONN", true, TT_KEEP },	{ "PROCESS", false, TT_CUT_TAIL },
	};
	struct tt_table *table = tt_table_new(out, columns, ARRAY_SIZE(columns));
	const struct tt_proc *p = NULL;
	size_t shown = 0;

	if (!table) {
		out->error = -ENOMEM;
		return 0;
	}
	while ((p = tt_proctree_next(tree, p)) && (limit == 0 || shown < limit)) {
		if (tt_output_failed(out))
			break;
		print_one(table, out, p);
		shown++;
	}
	tt_table_end(table);
	return tree->n - shown;
}
