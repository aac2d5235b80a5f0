/* SPDX-License-Identifier: Apache-2.0 */
/* What the running kernel lets us do, found out by doing it.
 *
 * Each feature is one row of a table. To ask for it is to try it: load a program of a few
 * instructions, attach it, do once what should set it off, and see whether it ran. Kernel versions
 * are never looked at. A probe that fails in any way answers "no", says at which step and why, and is
 * not repeated: answers are remembered for the life of the process.
 *
 * Refuses to print and to decide; the sensor and `telltale doctor` do. Not for several threads. */
#ifndef TT_SENSOR_FEATURE_H
#define TT_SENSOR_FEATURE_H

#include <stdbool.h>
#include <stddef.h>

struct tt_ktypes;

enum tt_feature {
	TT_FEATURE_BPF, /* bpf(2) is allowed at all */
	TT_FEATURE_BTF, /* the kernel describes its types */
	TT_FEATURE_RINGBUF,
	TT_FEATURE_TP_BTF, /* BTF raw tracepoints: all that the rawtp backend needs */
	TT_FEATURE_TASK_STORAGE, /* task local storage from tracing programs */
	TT_FEATURE_FENTRY,
	TT_FEATURE_FEXIT,
	TT_FEATURE_LSM, /* loads, attaches and is called: `bpf` is among the active LSMs */
	TT_FEATURE_ITER_TASK,
	TT_FEATURE_UPROBE,
	TT_FEATURE_UPROBE_SLEEPABLE, /* with bpf_copy_from_user: reads pages that are not resident */
	TT_FEATURES
};

enum tt_feature_need {
	TT_NEED_ALWAYS, /* without it nothing works */
	TT_NEED_TRAMPOLINE, /* one backend needs it; without it the other one is used */
	TT_NEED_ENV, /* environment look-ups are not seen without it */
	TT_NEED_BETTER, /* there is a substitute */
	TT_NEED_POLICY, /* only policies that block would use it */
};

struct tt_feature_answer {
	bool yes;
	int error; /* 0, or the negative errno of the step that failed */
	const char *name; /* "tp-btf": for --json and tests */
	const char *words; /* what it is, for people */
	enum tt_feature_need need;
	const char *without; /* what telltale does without it, and what one can do about that */
	char why[256]; /* "no": the step that failed, its error, the kernel's last word; "yes": "" */
	char *log; /* verifier log, at most 16 KiB; NULL if there is none */
};

/* Tries the feature if it has not been tried. Never NULL; valid until tt_feature_forget(). The
 * uprobe ones take 0.1 s each, most of it in the kernel's detaching; the others a few ms. */
const struct tt_feature_answer *tt_feature_get(enum tt_feature feature);

/* The same for a caller that has the kernel's types already, or failed to read them (NULL, with errno). */
const struct tt_feature_answer *tt_feature_get_with(enum tt_feature feature, const struct tt_ktypes *kernel);

/* Drops all answers, so that the next question tries again. */
void tt_feature_forget(void);

/* strerror() of what bpf(2) failed with, positive or negative. */
const char *tt_feature_error(int error);

/* The kernel's last word in a verifier log: its last line that is not statistics or blank, cut to
 * size. Empty when there is none. */
void tt_feature_last_line(const char *log, char *buf, size_t size);

#endif
