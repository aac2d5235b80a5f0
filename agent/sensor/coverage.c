/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of environment coverage: see coverage.h. All rules that apply are reasons; the worst of
 * them is the answer, and only reasons of that level are given. */
#include "sensor/coverage.h"

#include "util/util.h"

struct rule {
	enum tt_coverage level;
	bool (*applies)(const struct tt_coverage_facts *f);
	void (*say)(const struct tt_coverage_facts *f, char *text, size_t size);
};

const char *tt_coverage_name(enum tt_coverage coverage)
{
	static const char *const names[] = { "seen", "partial", "blind" };

	return names[coverage];
}

/* ---- which probes a program needs */

static bool needs_own(const struct tt_coverage_facts *f)
{
	return f->is_static || f->is_go || f->own_getenv;
}

/* A Go program's look-ups go through its own function, also where cgo makes it load a C library. */
static bool needs_libc(const struct tt_coverage_facts *f)
{
	return !f->is_static && !f->is_go;
}

static bool unusable(const struct tt_coverage_facts *f)
{
	return f->exe_error || f->foreign;
}

static void say_probe(const struct tt_probe_fact *probe, const char *what, const char *function, char *text,
		      size_t size)
{
	switch (probe->state) {
	case TT_PROBE_ABSENT:
		snprintf(text, size, "%s has no %s to probe", what, function);
		break;
	case TT_PROBE_FAILED:
		snprintf(text, size, "%s could not be probed: %s", what, strerror(-probe->error));
		break;
	case TT_PROBE_OVER_BUDGET:
		snprintf(text, size, "%s is not probed: too many files are", what);
		break;
	case TT_PROBE_NO_FILE:
		snprintf(text, size, "%s is not known", what);
		break;
	default:
		snprintf(text, size, "%s is not probed", what);
	}
}

/* ---- blind */

static bool is_unreadable(const struct tt_coverage_facts *f)
{
	return f->exe_error;
}

static void say_unreadable(const struct tt_coverage_facts *f, char *text, size_t size)
{
	snprintf(text, size, "the program's file could not be read: %s", strerror(abs(f->exe_error)));
}

static bool is_foreign(const struct tt_coverage_facts *f)
{
	return !f->exe_error && f->foreign;
}

static void say_foreign(const struct tt_coverage_facts *f, char *text, size_t size)
{
	snprintf(text, size, "a 32-bit program or one for another processor: its look-ups are not decoded");
}

static bool self_contained_unprobed(const struct tt_coverage_facts *f)
{
	return !unusable(f) && (f->is_static || f->is_go) && f->own.state != TT_PROBE_IN;
}

static void say_self_contained(const struct tt_coverage_facts *f, char *text, size_t size)
{
	say_probe(&f->own, f->is_go ? "the Go program" : "the statically linked program",
		  f->is_go ? "syscall.Getenv" : "getenv symbol", text, size);
}

/* The C library's part is missing. What the runtime's own function shows (own) makes that `partial`. */
static bool libc_missing(const struct tt_coverage_facts *f)
{
	return !unusable(f) && needs_libc(f) && (f->libc_off || f->libc.state != TT_PROBE_IN);
}

static bool libc_missing_blind(const struct tt_coverage_facts *f)
{
	return libc_missing(f) && f->own.state != TT_PROBE_IN;
}

static bool libc_missing_partial(const struct tt_coverage_facts *f)
{
	return libc_missing(f) && f->own.state == TT_PROBE_IN;
}

static void say_libc_missing(const struct tt_coverage_facts *f, char *text, size_t size)
{
	if (f->libc_off)
		snprintf(text, size, "probes of C libraries are switched off (env.libc: off)");
	else
		say_probe(&f->libc, "its C library", "getenv symbol", text, size);
}

static void say_own_only(const struct tt_coverage_facts *f, char *text, size_t size)
{
	char why[128];

	say_libc_missing(f, why, sizeof(why));
	snprintf(text, size, "only look-ups through the program's own functions are seen: %s", why);
}

static bool misses(const struct tt_probe_fact *probe, uint64_t ended_ns)
{
	return probe->state == TT_PROBE_IN && probe->attached_ns >= ended_ns;
}

/* None of the probes that it needs was in while it lived. */
static bool ended_before(const struct tt_coverage_facts *f)
{
	return f->ended_ns && !unusable(f) && (!needs_own(f) || misses(&f->own, f->ended_ns)) &&
	       (!needs_libc(f) || misses(&f->libc, f->ended_ns));
}

static void say_ended_before(const struct tt_coverage_facts *f, char *text, size_t size)
{
	snprintf(text, size, "it had ended before it was probed");
}

/* What the runtime itself asks for (TZ, LANG) still shows, but not what the program wants to know. */
static bool reads_directly(const struct tt_coverage_facts *f)
{
	return f->env_direct;
}

static void say_reads_directly(const struct tt_coverage_facts *f, char *text, size_t size)
{
	snprintf(text, size, "its runtime copies the environment block and looks names up there");
}

/* ---- partial */

static bool own_getenv_unprobed(const struct tt_coverage_facts *f)
{
	return !unusable(f) && needs_libc(f) && f->own_getenv && f->own.state != TT_PROBE_IN;
}

static void say_own_getenv(const struct tt_coverage_facts *f, char *text, size_t size)
{
	say_probe(&f->own, "the program's own getenv", "getenv symbol", text, size);
}

static bool was_running(const struct tt_coverage_facts *f)
{
	return f->running;
}

static void say_running(const struct tt_coverage_facts *f, char *text, size_t size)
{
	snprintf(text, size, "was running before telltale watched it");
}

/* When the last probe that it needs was in. */
static uint64_t complete_since(const struct tt_coverage_facts *f)
{
	uint64_t since = 0;

	if (needs_own(f) && f->own.state == TT_PROBE_IN)
		since = f->own.attached_ns;
	if (needs_libc(f) && f->libc.state == TT_PROBE_IN && f->libc.attached_ns > since)
		since = f->libc.attached_ns;
	return since;
}

static bool was_late(const struct tt_coverage_facts *f)
{
	return !f->running && complete_since(f) > f->exec_ns;
}

static void say_late(const struct tt_coverage_facts *f, char *text, size_t size)
{
	snprintf(text, size, "probed only %.1f ms after it started",
		 (double)(complete_since(f) - f->exec_ns) / 1e6);
}

static bool may_read_directly(const struct tt_coverage_facts *f)
{
	return f->imports_environ;
}

static void say_may_read_directly(const struct tt_coverage_facts *f, char *text, size_t size)
{
	snprintf(text, size, "may also read the environment block without a call (it uses environ)");
}

static const struct rule rules[] = {
	{ TT_COVERAGE_BLIND, is_unreadable, say_unreadable },
	{ TT_COVERAGE_BLIND, is_foreign, say_foreign },
	{ TT_COVERAGE_BLIND, self_contained_unprobed, say_self_contained },
	{ TT_COVERAGE_BLIND, libc_missing_blind, say_libc_missing },
	{ TT_COVERAGE_BLIND, ended_before, say_ended_before },
	{ TT_COVERAGE_BLIND, reads_directly, say_reads_directly },
	{ TT_COVERAGE_PARTIAL, libc_missing_partial, say_own_only },
	{ TT_COVERAGE_PARTIAL, own_getenv_unprobed, say_own_getenv },
	{ TT_COVERAGE_PARTIAL, was_running, say_running },
	{ TT_COVERAGE_PARTIAL, was_late, say_late },
	{ TT_COVERAGE_PARTIAL, may_read_directly, say_may_read_directly },
};

enum tt_coverage tt_coverage_judge(const struct tt_coverage_facts *facts, char *reason, size_t size)
{
	enum tt_coverage worst = TT_COVERAGE_SEEN;
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].applies(facts) && rules[i].level > worst)
			worst = rules[i].level;

	reason[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		char text[192];

		if (rules[i].level != worst || !rules[i].applies(facts))
			continue;
		rules[i].say(facts, text, sizeof(text));
		len += (size_t)snprintf(reason + len, size - len, "%s%s", len ? "; " : "", text);
		if (len >= size)
			break;
	}
	return worst;
}
