/* SPDX-License-Identifier: Apache-2.0 */
/* What subcommands share; see cmd.h. The only place that decides which database a command reads. */
#include "cmd/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "cmd/row.h"
#include "store/query.h"
#include "util/log.h"
#include "util/timespec.h"

/* ---- options */

enum shared {
	OPT_DB,
	OPT_JSON,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_LIMIT,
	OPT_COLOR,
	OPT_NO_PAGER,
	OPT_EXIT_CODE,
	OPT_HELP,
	OPT_SHARED
};

static const struct shared_option {
	const char *name;
	char letter;
	unsigned want; /* 0: always */
	const char *takes, *help;
} shared_options[OPT_SHARED] = {
	[OPT_DB] = { "db", 0, TT_WANT_DB, "FILE", "database; default: the daemon's, else your own" },
	[OPT_JSON] = { "json", 0, TT_WANT_JSON, NULL, "JSON instead of text" },
	[OPT_SINCE] = { "since", 0, TT_WANT_TIME, "TIME", "from: 2h ago, today, ISO 8601, @epoch" },
	[OPT_UNTIL] = { "until", 0, TT_WANT_TIME, "TIME", "up to" },
	[OPT_LIMIT] = { NULL, 'n', TT_WANT_LIMIT, "N", "at most N of them; 0: all" },
	[OPT_COLOR] = { "color", 0, TT_WANT_TEXT | TT_WANT_COLOR, "WHEN", "auto, always or never" },
	[OPT_NO_PAGER] = { "no-pager", 0, TT_WANT_TEXT, NULL, "do not start $PAGER" },
	[OPT_EXIT_CODE] = { "exit-code", 0, TT_WANT_EXIT_CODE, NULL,
			    "exit 3 where the risk is medium or higher" },
	[OPT_HELP] = { "help", 'h', 0, NULL, "this text" },
};

/* getopt's answers for options without a letter: shared ones from here, a subcommand's own after. */
#define OPTION_BASE 0x1000
#define OPTIONS_MAX 32

struct parser {
	const struct tt_cmd_spec *spec;
	struct option longs[OPTIONS_MAX + 1];
	unsigned n_longs;
	char letters[2 * OPTIONS_MAX + 4];
};

static bool shared_wanted(const struct tt_cmd_spec *spec, unsigned i)
{
	return shared_options[i].want == 0 || (spec->want & shared_options[i].want);
}

static void parser_add(struct parser *p, const char *name, char letter, bool takes, int value)
{
	size_t n = strlen(p->letters);

	if (name && p->n_longs < OPTIONS_MAX)
		p->longs[p->n_longs++] = (struct option){ name, takes ? required_argument : no_argument, NULL,
							  value };
	if (letter && n + 2 < sizeof(p->letters))
		snprintf(p->letters + n, sizeof(p->letters) - n, "%c%s", letter, takes ? ":" : "");
}

static void parser_init(struct parser *p, const struct tt_cmd_spec *spec)
{
	*p = (struct parser){ .spec = spec };
	/* ':' first: a missing argument is told from an unknown option */
	snprintf(p->letters, sizeof(p->letters), "%s:", spec->options_first ? "+" : "");
	for (unsigned i = 0; i < OPT_SHARED; i++)
		if (shared_wanted(spec, i))
			parser_add(p, shared_options[i].name, shared_options[i].letter,
				   shared_options[i].takes, OPTION_BASE + (int)i);
	for (unsigned i = 0; i < spec->n_options; i++)
		parser_add(p, spec->options[i].name, spec->options[i].letter, spec->options[i].takes,
			   OPTION_BASE + OPT_SHARED + (int)i);
}

/* A letter's answer is the letter: back to the option's number. */
static int parser_number(const struct parser *p, int c)
{
	if (c >= OPTION_BASE)
		return c - OPTION_BASE;
	for (unsigned i = 0; i < OPT_SHARED; i++)
		if (shared_wanted(p->spec, i) && shared_options[i].letter == c)
			return (int)i;
	for (unsigned i = 0; i < p->spec->n_options; i++)
		if (p->spec->options[i].letter == c)
			return OPT_SHARED + (int)i;
	return -1;
}

static void help_option(const char *name, char letter, const char *takes, const char *help)
{
	char left[64];

	snprintf(left, sizeof(left), "%s%c%s%s%s%s%s", letter ? "-" : "", letter ? letter : ' ',
		 letter && name ? ", " : "", name ? "--" : "", name ? name : "", takes ? " " : "",
		 takes ? takes : "");
	printf("  %-24s %s\n", left + (letter ? 0 : 1), help);
}

static void help(const struct tt_cmd_spec *spec)
{
	printf("usage: telltale %s [OPTION...]%s%s\n%s\n\n", spec->name, spec->operands[0] ? " " : "",
	       spec->operands, spec->summary);
	for (unsigned i = 0; i < spec->n_options; i++)
		help_option(spec->options[i].name, spec->options[i].letter, spec->options[i].takes,
			    spec->options[i].help);
	for (unsigned i = 0; i < OPT_SHARED; i++)
		if (shared_wanted(spec, i))
			help_option(shared_options[i].name, shared_options[i].letter, shared_options[i].takes,
				    shared_options[i].help);
	printf("\nMore: man telltale-%s\n", spec->name);
}

int tt_cmd_usage(const char *command, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	tt_log_error("%s%s%s; see `telltale %s%s--help`", command ? command : "", command ? ": " : "",
		     text ? text : "wrong usage", command ? command : "", command ? " " : "");
	free(text);
	return TT_EXIT_USAGE;
}

static int parse_time(const struct tt_cmd_spec *spec, const char *name, const char *text, int64_t *ret_ns)
{
	int r = tt_timespec_parse(text, tt_timespec_now(), ret_ns);

	if (r == -ERANGE)
		return tt_cmd_usage(spec->name, "--%s '%s' is out of range (1970 to 2262)", name, text);
	if (r < 0)
		return tt_cmd_usage(spec->name, "--%s '%s' is not a time; take one like %s", name, text,
				    TT_TIMESPEC_FORMS);
	return 0;
}

static int parse_limit(const struct tt_cmd_spec *spec, const char *text, uint64_t *ret)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-')
		return tt_cmd_usage(spec->name, "-n '%s' is not a number", text);
	*ret = n;
	return 0;
}

static int parse_color(const struct tt_cmd_spec *spec, const char *text, enum tt_color *ret)
{
	static const char *const words[] = {
		[TT_COLOR_AUTO] = "auto",
		[TT_COLOR_ALWAYS] = "always",
		[TT_COLOR_NEVER] = "never",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		if (tt_streq(text, words[i])) {
			*ret = (enum tt_color)i;
			return 0;
		}
	}
	return tt_cmd_usage(spec->name, "--color '%s': take auto, always or never", text);
}

static int take_shared(const struct tt_cmd_spec *spec, enum shared option, struct tt_cmd_common *common)
{
	switch (option) {
	case OPT_DB:
		common->db = optarg;
		return *optarg ? 0 : tt_cmd_usage(spec->name, "--db wants a file name");
	case OPT_JSON:
		common->json = true;
		return 0;
	case OPT_SINCE:
		return parse_time(spec, "since", optarg, &common->since_ns);
	case OPT_UNTIL:
		return parse_time(spec, "until", optarg, &common->until_ns);
	case OPT_LIMIT:
		return parse_limit(spec, optarg, &common->limit);
	case OPT_COLOR:
		return parse_color(spec, optarg, &common->color);
	case OPT_NO_PAGER:
		common->no_pager = true;
		return 0;
	case OPT_EXIT_CODE:
		common->exit_code = true;
		return 0;
	case OPT_HELP:
	case OPT_SHARED:
		break;
	}
	return 0;
}

static void take_own(const struct tt_cmd_option *option)
{
	if (option->flag)
		*option->flag = true;
	if (option->text)
		*option->text = optarg;
}

/* Damerau-Levenshtein distance of adjacent transpositions, 99 for words too long to be typing errors. */
static unsigned word_distance(const char *a, const char *b)
{
	unsigned rows[3][33], la = (unsigned)strlen(a), lb = (unsigned)strlen(b);

	if (la > 32 || lb > 32)
		return 99;
	for (unsigned j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned *now = rows[i % 3], *up = rows[(i + 2) % 3], *upup = rows[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    upup[j - 2] + 1 < best)
				best = upup[j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[la % 3][lb];
}

const char *tt_cmd_nearest(const char *word, const char *(*candidate)(unsigned i, const void *arg),
			   const void *arg)
{
	/* a third of the word may be wrong, and a beginning is as good as a typing error */
	unsigned best = (unsigned)strlen(word) / 3 + 1;
	const char *name, *nearest = NULL;

	for (unsigned i = 0; (name = candidate(i, arg)); i++) {
		unsigned d = word_distance(word, name);

		if (strlen(word) >= 2 && strncmp(word, name, strlen(word)) == 0)
			d = 0;
		if (d < best || (d == best && !nearest)) {
			best = d;
			nearest = name;
		}
	}
	return nearest;
}

static const char *long_name(unsigned i, const void *arg)
{
	const struct parser *p = arg;

	return i < p->n_longs ? p->longs[i].name : NULL;
}

static int unknown_option(const struct parser *p, char **argv)
{
	char word[64];
	const char *near, *given = argv[optind - 1];
	size_t n;

	if (optopt && optopt < OPTION_BASE)
		return tt_cmd_usage(p->spec->name, "unknown option '-%c'", optopt);
	if (optopt)
		return tt_cmd_usage(p->spec->name, "option '%s' takes no argument", given);
	if (strncmp(given, "--", 2) != 0)
		return tt_cmd_usage(p->spec->name, "unknown option '%s'", given);
	n = strcspn(given + 2, "=");
	snprintf(word, sizeof(word), "%.*s", (int)(n < 63 ? n : 63), given + 2);
	near = tt_cmd_nearest(word, long_name, p);
	if (near)
		return tt_cmd_usage(p->spec->name, "unknown option '--%s'; did you mean '--%s'?", word, near);
	return tt_cmd_usage(p->spec->name, "unknown option '--%s'", word);
}

static int check_operands(const struct tt_cmd_spec *spec, int argc, char **argv)
{
	unsigned n = (unsigned)(argc - optind);

	if (n < spec->min_operands)
		return tt_cmd_usage(spec->name, "%s is missing", spec->operands);
	if (n > spec->max_operands)
		return tt_cmd_usage(spec->name, "unexpected '%s'", argv[optind + (int)spec->max_operands]);
	return 0;
}

int tt_cmd_parse(const struct tt_cmd_spec *spec, int argc, char **argv, struct tt_cmd_common *common,
		 int *ret_status)
{
	struct parser p;
	int c, status = 0;

	parser_init(&p, spec);
	*common = (struct tt_cmd_common){ .until_ns = INT64_MAX };
	opterr = 0;
	optind = 0; /* glibc: start afresh */
	while (status == 0 && (c = getopt_long(argc, argv, p.letters, p.longs, NULL)) != -1) {
		int number = c == '?' || c == ':' ? -1 : parser_number(&p, c);

		if (number == OPT_HELP) {
			help(spec);
			*ret_status = TT_EXIT_OK;
			return -1;
		}
		if (c == ':')
			status = tt_cmd_usage(spec->name, "option '%s' wants an argument", argv[optind - 1]);
		else if (number < 0)
			status = unknown_option(&p, argv);
		else if (number < OPT_SHARED)
			status = take_shared(spec, (enum shared)number, common);
		else
			take_own(&spec->options[number - OPT_SHARED]);
	}
	if (status == 0)
		status = check_operands(spec, argc, argv);
	if (status == 0 && common->since_ns > common->until_ns)
		status = tt_cmd_usage(spec->name, "--since is later than --until");
	if (status == 0)
		return optind;
	*ret_status = status;
	return -1;
}

/* ---- the database */

char *tt_cmd_state_dir(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n = -1;

	/* basedir-spec: a relative path is to be ignored */
	if (state && state[0] == '/')
		n = asprintf(&path, "%s/telltale", state);
	else if (home && home[0] == '/')
		n = asprintf(&path, "%s/.local/state/telltale", home);
	return n < 0 ? NULL : path;
}

/* The *.db changed last in a directory, NULL if there is none. A WAL database's main file may be old
 * while its -wal file is new. */
static char *newest_db(const char *dir)
{
	DIR *d = opendir(dir);
	char *newest = NULL;
	int64_t newest_ns = -1;
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		size_t n = strlen(entry->d_name);
		_cleanup_free_ char *path = NULL, *wal = NULL;
		struct stat st, st_wal;
		int64_t ns;

		if (n < 4 || strcmp(entry->d_name + n - 3, ".db") != 0)
			continue;
		if (asprintf(&path, "%s/%s", dir, entry->d_name) < 0) {
			path = NULL;
			break;
		}
		if (asprintf(&wal, "%s-wal", path) < 0) {
			wal = NULL;
			break;
		}
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
		if (stat(wal, &st_wal) == 0 && st_wal.st_mtim.tv_sec * 1000000000LL > ns)
			ns = st_wal.st_mtim.tv_sec * 1000000000LL + st_wal.st_mtim.tv_nsec;
		if (ns > newest_ns) {
			newest_ns = ns;
			free(newest);
			newest = TAKE_PTR(path);
		}
	}
	if (d)
		closedir(d);
	return newest;
}

int tt_cmd_choose_db(const char *db, char **ret_path, char **ret_message)
{
	_cleanup_free_ char *dir = NULL;
	char *path = NULL;
	int error;

	if (db) {
		path = strdup(db);
	} else if (access(TT_CMD_SYSTEM_DB, R_OK) == 0) {
		path = strdup(TT_CMD_SYSTEM_DB);
	} else {
		error = errno;
		dir = tt_cmd_state_dir();
		path = dir ? newest_db(dir) : NULL;
		if (!path && error == EACCES) {
			if (asprintf(ret_message, "%s may only be read by root: use sudo, or --db FILE",
				     TT_CMD_SYSTEM_DB) < 0)
				return -ENOMEM;
			return -EACCES;
		}
		if (!path) {
			if (asprintf(ret_message,
				     "nothing recorded yet: neither %s nor %s/*.db exists; record with "
				     "`telltale "
				     "run -- COMMAND`, or name a database with --db FILE",
				     TT_CMD_SYSTEM_DB, dir ? dir : "~/.local/state/telltale") < 0)
				return -ENOMEM;
			return -ENOENT;
		}
	}
	if (!path)
		return -ENOMEM;
	*ret_path = path;
	return 0;
}

int tt_cmd_open(const struct tt_cmd_common *common, struct tt_query_db **ret)
{
	_cleanup_free_ char *path = NULL, *message = NULL;
	int r;

	r = tt_cmd_choose_db(common->db, &path, &message);
	if (r == 0)
		r = tt_query_open(path, ret, &message);
	if (r < 0 && message)
		tt_log_error("%s", message);
	else if (r < 0)
		tt_log_errno(r, "cannot read %s", path ? path : "the database");
	return r;
}

int tt_cmd_query_failed(struct tt_query_db *db, int error)
{
	const char *words = tt_query_error(db);

	if (words && *words)
		tt_log_error("%s", words);
	else
		tt_log_errno(error, "cannot query the database");
	return TT_EXIT_FAILURE;
}

int tt_cmd_resolve(struct tt_query_db *db, const char *prefix, const char *kinds, char ret[17],
		   char *ret_kind)
{
	int r = tt_query_resolve(db, prefix, ret, ret_kind);

	if (r == 0 && strchr(kinds, *ret_kind))
		return 0;
	if (r == -ENOTUNIQ) {
		tt_log_error("'%s' is the beginning of several ids: give more of it", prefix);
	} else if (r == 0) {
		tt_log_error("%s is no id of a %s here; see `telltale sessions`", ret,
			     strchr(kinds, 'p') ? "session or process" : "session");
	} else if (r == -ENOENT || r == -EINVAL) {
		tt_log_error("no session%s has an id that begins with '%s'; see `telltale sessions`",
			     strchr(kinds, 'p') ? " or process" : "", prefix);
	} else {
		return tt_cmd_query_failed(db, r);
	}
	return TT_EXIT_FAILURE;
}

static int session_row(const struct tt_query_row *row, void *arg)
{
	snprintf(arg, 17, "%s", tt_row_text(row, 0, ""));
	return 0;
}

int tt_cmd_choose_session(struct tt_query_db *db, const char *prefix, char ret[17])
{
	static const char latest[] =
		"SELECT session_id FROM session ORDER BY started_ns DESC, session_id LIMIT 1";
	static const char of_process[] = "SELECT session_id FROM process WHERE process_id = ?1";
	char id[17] = "", kind = 0, session_id[17] = "";
	const char *param = id;
	int r;

	if (prefix) {
		r = tt_cmd_resolve(db, prefix, "sp", id, &kind);
		if (r != 0)
			return r;
	}
	if (kind == 's')
		memcpy(session_id, id, sizeof(id));
	else
		r = tt_row_run(db, prefix ? of_process : latest, &param, prefix ? 1 : 0, NULL, session_row,
			       session_id);
	if (kind != 's' && r < 0)
		return tt_cmd_query_failed(db, r);
	if (!session_id[0]) {
		tt_log_error(prefix ? "that process belongs to no recorded session"
				    : "no sessions recorded yet");
		return TT_EXIT_FAILURE;
	}
	memcpy(ret, session_id, sizeof(session_id));
	return 0;
}

int tt_cmd_finish(struct tt_output *out, int status)
{
	int r = tt_output_close(out);

	if (r < 0)
		tt_log_errno(r, "cannot write the output");
	return r < 0 && status == TT_EXIT_OK ? TT_EXIT_FAILURE : status;
}
