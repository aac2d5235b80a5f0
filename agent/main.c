/* SPDX-License-Identifier: Apache-2.0 */
/* argv -> table of subcommands -> exit code. Adding a subcommand is adding a row. */
#include <errno.h>
#include <locale.h>

#include "cmd/cmd.h"
#include "telltale/version.h"
#include "util/log.h"
#include "util/util.h"

static const struct command {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "run", tt_cmd_run, "trace one command and print its risk record" },
	{ "daemon", tt_cmd_daemon, "watch the whole host for coding agents" },
	{ "status", tt_cmd_status, "is it running, what does it see, what was lost" },
	{ "doctor", tt_cmd_doctor, "can it work on this host, and what to do if not" },
	{ "sessions", tt_cmd_sessions, "list recorded runs of coding agents" },
	{ "show", tt_cmd_show, "the risk record of a session" },
	{ "tree", tt_cmd_tree, "its processes and what each did" },
	{ "timeline", tt_cmd_timeline, "everything in order of time" },
	{ "query", tt_cmd_query, "read-only SQL over the records" },
	{ "export", tt_cmd_export, "records as JSON lines" },
	{ "agents", tt_cmd_agents, "which coding agents are recognised" },
	{ "_trace", tt_cmd_trace, NULL }, /* run's privileged half: not for people */
};

static int help(void)
{
	printf("usage: telltale COMMAND [OPTION...] [ARG...]\n"
	       "Records what AI coding agents and everything they start do on this machine.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands) && commands[i].summary; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("\nStart with `telltale run -- COMMAND`. `telltale COMMAND --help` says more, man telltale "
	       "most.\n"
	       "Exit status: 0 ok, 1 failure, 2 usage. --version prints the version.\n");
	return TT_EXIT_OK;
}

static const char *command_name(unsigned i, const void *arg)
{
	return i < ARRAY_SIZE(commands) ? commands[i].name : NULL;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown(const char *word)
{
	const char *near = tt_cmd_nearest(word, command_name, NULL);

	if (near)
		return tt_cmd_usage(NULL, "unknown command '%s'; did you mean '%s'?", word, near);
	return tt_cmd_usage(NULL, "unknown command '%s'", word);
}

static int dispatch(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	const struct command *command;
	char *help_argv[3];

	if (!word)
		return tt_cmd_usage(NULL, "which command? `telltale run -- COMMAND` is a start");
	if (tt_streq(word, "--version") || tt_streq(word, "-V") || tt_streq(word, "version")) {
		printf("telltale %s\n", TT_VERSION);
		return TT_EXIT_OK;
	}
	if (tt_streq(word, "--help") || tt_streq(word, "-h") || (tt_streq(word, "help") && argc == 2))
		return help();
	if (tt_streq(word, "help")) {
		command = find(argv[2]);
		if (!command)
			return unknown(argv[2]);
		help_argv[0] = argv[2];
		help_argv[1] = (char[]){ "--help" };
		help_argv[2] = NULL;
		return command->fn(2, help_argv);
	}
	command = find(word);
	return command ? command->fn(argc - 1, argv + 1) : unknown(word);
}

int main(int argc, char **argv)
{
	int status;

	/* Characters only: numbers and times are printed the same everywhere. */
	setlocale(LC_CTYPE, "");
	status = dispatch(argc, argv);
	if (fflush(stdout) != 0) {
		tt_log_errno(errno, "cannot write the output");
		if (status == TT_EXIT_OK)
			status = TT_EXIT_FAILURE;
	}
	return status;
}
