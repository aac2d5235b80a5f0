/* SPDX-License-Identifier: Apache-2.0 */
/* What a command line will execute, found before it is executed: the chain of files from a name on
 * PATH through #! lines and `env` to the program that finally runs.
 *
 * Follows execvp(3), the kernel's #! rules and env(1)'s options, by reading only: it runs nothing.
 * What happens later (a shell script that execs something else) it cannot know. */
#ifndef TT_SENSOR_COMMAND_H
#define TT_SENSOR_COMMAND_H

#include <stddef.h>

/* The kernel follows 5 #! lines; env in between doubles that. */
#define TT_COMMAND_FILES_MAX 12

struct tt_command_chain {
	char *files[TT_COMMAND_FILES_MAX]; /* in the order of execution, absolute; scripts too */
	size_t n;
};

/* argv: as for execvp. path: the value of PATH the command will have (NULL: none set). cwd: where it
 * will start, absolute.
 * -ENOENT/-EACCES: execvp would fail so, or a #! line names nothing; what was found before stays in *ret. */
int tt_command_resolve(const char *const *argv, const char *path, const char *cwd,
		       struct tt_command_chain *ret);
void tt_command_chain_done(struct tt_command_chain *chain);

/* The file that execvp(name) would execute, malloc'd, absolute. */
int tt_command_find(const char *name, const char *path, const char *cwd, char **ret);

#endif
