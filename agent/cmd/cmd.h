/* SPDX-License-Identifier: Apache-2.0 */
/* Subcommands, and what they share: options, the choice of database, exit codes, diagnostics. */
#ifndef TT_CMD_CMD_H
#define TT_CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/output.h"

struct tt_query_db;

#define TT_EXIT_OK	 0
#define TT_EXIT_FAILURE	 1
#define TT_EXIT_USAGE	 2
#define TT_EXIT_FINDINGS 3

/* The daemon's database (config/telltale.yaml: database). */
#define TT_CMD_SYSTEM_DB "/var/lib/telltale/telltale.db"

/* argv[0] is the subcommand's name. */
int tt_cmd_run(int argc, char **argv);
int tt_cmd_daemon(int argc, char **argv);
int tt_cmd_status(int argc, char **argv);
int tt_cmd_sessions(int argc, char **argv);
int tt_cmd_show(int argc, char **argv);
int tt_cmd_tree(int argc, char **argv);
int tt_cmd_timeline(int argc, char **argv);
int tt_cmd_query(int argc, char **argv);
int tt_cmd_agents(int argc, char **argv);
int tt_cmd_doctor(int argc, char **argv);
int tt_cmd_export(int argc, char **argv);
int tt_cmd_trace(int argc, char **argv);

/* ---- options */

/* Shared options that a subcommand takes. */
enum tt_cmd_want {
	TT_WANT_DB = 1 << 0, /* --db FILE */
	TT_WANT_JSON = 1 << 1, /* --json */
	TT_WANT_TIME = 1 << 2, /* --since, --until */
	TT_WANT_LIMIT = 1 << 3, /* -n N */
	TT_WANT_TEXT = 1 << 4, /* --color WHEN, --no-pager */
	TT_WANT_EXIT_CODE = 1 << 5, /* --exit-code */
	TT_WANT_COLOR = 1 << 6, /* --color WHEN, without a pager */
};

struct tt_cmd_common {
	const char *db; /* NULL: choose (tt_cmd_open) */
	bool json, no_pager, exit_code;
	int64_t since_ns, until_ns; /* 0, INT64_MAX: no bound */
	uint64_t limit; /* 0: no limit */
	enum tt_color color;
};

/* An option of one subcommand: a flag (takes NULL) or with an argument. */
struct tt_cmd_option {
	const char *name; /* without "--" */
	char letter; /* 0: none */
	const char *takes; /* what its argument is called in the help: FILE */
	const char *help;
	bool *flag;
	const char **text;
};

struct tt_cmd_spec {
	const char *name, *operands /* for the synopsis: "[ID]" */, *summary;
	unsigned want; /* enum tt_cmd_want */
	const struct tt_cmd_option *options;
	unsigned n_options;
	unsigned min_operands, max_operands;
	bool options_first; /* stop at the first operand: it and what follows is somebody else's command */
};

/* Fills *common (defaults for what was not given) and the options' targets. Returns the index of the
 * first operand in argv, which is permuted, or -1: the command ends with *ret_status (after --help,
 * or a usage error that has been reported). */
int tt_cmd_parse(const struct tt_cmd_spec *spec, int argc, char **argv, struct tt_cmd_common *common,
		 int *ret_status);

/* One line on stderr and TT_EXIT_USAGE. */
int tt_cmd_usage(const char *command, const char *format, ...) _printf_(2, 3);

/* The candidate nearest to word by typing errors, NULL if none is near. */
const char *tt_cmd_nearest(const char *word, const char *(*candidate)(unsigned i, const void *arg),
			   const void *arg);

/* ---- the database */

/* $XDG_STATE_HOME/telltale, else ~/.local/state/telltale: where `run` keeps its own. malloc'd; NULL:
 * out of memory or no home. Under sudo, the invoking user's home is the caller's business. */
char *tt_cmd_state_dir(void);

/* The database to read: db when given, else the daemon's if readable, else the newest of the caller's.
 * -ENOENT: there is none, -EACCES: there is one that may not be read; *ret_message (malloc'd) says which. */
int tt_cmd_choose_db(const char *db, char **ret_path, char **ret_message);

/* Chooses and opens; on failure reports and returns negative errno. */
int tt_cmd_open(const struct tt_cmd_common *common, struct tt_query_db **ret);

/* Reports a failed query: what the database said. Returns TT_EXIT_FAILURE. */
int tt_cmd_query_failed(struct tt_query_db *db, int error);

/* Resolves a prefix to an id of a wanted kind ("s", "sp"); reports failures. 0 or TT_EXIT_*. */
int tt_cmd_resolve(struct tt_query_db *db, const char *prefix, const char *kinds, char ret[17],
		   char *ret_kind);

/* The session that a session's or process's id, or its beginning, means; prefix NULL: the one that began
 * last. Reports failures. 0 or TT_EXIT_*. */
int tt_cmd_choose_session(struct tt_query_db *db, const char *prefix, char ret[17]);

/* Closes the output; a write error is reported and turns TT_EXIT_OK into TT_EXIT_FAILURE. */
int tt_cmd_finish(struct tt_output *out, int status);

#endif
