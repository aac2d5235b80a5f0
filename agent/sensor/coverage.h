/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a process's environment look-ups the probes could see, and why not more.
 *
 * A judgement by a table of rules over facts; pure, and it gathers nothing itself (uprobe.h does).
 * When in doubt it says less was seen, never more. docs/environment.md lists the rules for people. */
#ifndef TT_SENSOR_COVERAGE_H
#define TT_SENSOR_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tt_coverage {
	TT_COVERAGE_SEEN, /* every look-up by a call was seen */
	TT_COVERAGE_PARTIAL, /* some may be missing */
	TT_COVERAGE_BLIND, /* none of the program's own was seen */
};

/* "seen", "partial", "blind": as the process view's `coverage` column has it. */
const char *tt_coverage_name(enum tt_coverage coverage);

/* Of the probes that one file needs. */
enum tt_probe_state {
	TT_PROBE_IN, /* attached; since when is said */
	TT_PROBE_ABSENT, /* the file has no such function */
	TT_PROBE_NOT_IN, /* it has, and nobody attached to it */
	TT_PROBE_FAILED, /* the kernel refused; error says why */
	TT_PROBE_OVER_BUDGET, /* too many files are probed already */
	TT_PROBE_NO_FILE, /* which file it would be is not known */
	TT_PROBE_STATES
};

struct tt_probe_fact {
	enum tt_probe_state state;
	int error; /* negative errno with TT_PROBE_FAILED */
	uint64_t attached_ns; /* CLOCK_BOOTTIME, with TT_PROBE_IN */
};

/* All that the judgement rests on. */
struct tt_coverage_facts {
	int exe_error; /* the program could not be read: negative errno, or 0 */
	bool foreign; /* 32-bit, or for another processor */
	bool is_static, is_go;
	bool own_getenv; /* dynamic, but calls its own getenv and not the C library's: bash */
	bool imports_environ; /* can get at the whole environment without a look-up */
	bool env_direct; /* a runtime that copies its environment block (bun, python) */
	bool libc_off; /* env.libc: off */
	bool running; /* was running before telltale */
	uint64_t exec_ns; /* CLOCK_BOOTTIME */
	uint64_t ended_ns; /* CLOCK_BOOTTIME; 0: it lives, or nobody knows */
	struct tt_probe_fact own; /* look-up functions in the program's own file */
	struct tt_probe_fact libc; /* those of the C library it uses; no matter for a static program */
};

#define TT_COVERAGE_REASON_MAX 384

/* reason gets why it is less than seen ("" when seen); several reasons are joined by "; ". */
enum tt_coverage tt_coverage_judge(const struct tt_coverage_facts *facts, char *reason, size_t size);

#endif
