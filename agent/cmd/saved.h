/* SPDX-License-Identifier: Apache-2.0 */
/* Saved queries: `telltale query --saved NAME [ARG]`. */
#ifndef TT_CMD_SAVED_H
#define TT_CMD_SAVED_H

struct tt_saved {
	const char *name, *argument /* NULL: takes none */, *description, *sql;
};

/* NULL: there is none of that name. */
const struct tt_saved *tt_saved_find(const char *name);
/* In order of the list; NULL after the last. */
const struct tt_saved *tt_saved_at(unsigned i);

#endif
