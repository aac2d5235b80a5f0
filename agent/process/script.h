/* SPDX-License-Identifier: Apache-2.0 */
/* Which of an interpreter's arguments is the program it runs. Pure: looks at argv only. */
#ifndef TT_PROCESS_SCRIPT_H
#define TT_PROCESS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

struct tt_script {
	size_t index; /* in argv; 0: none (interactive, -e, -c, standard input, a subcommand) */
	const char *text; /* script, specifier (npm:...), or module, as given; NULL: none */
	bool is_module; /* text names a Python module (-m) */
};

/* Runtime kind (node bun deno python java) of an executable's name, for callers without definitions; NULL: none. */
const char *tt_script_kind(const char *name);

/* kind: as struct tt_config_runtime; electron counts as node. Unknown kinds run their first argument that is
 * no option. */
struct tt_script tt_script_find(const char *kind, const char *const *argv);

#endif
