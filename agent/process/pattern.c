/* SPDX-License-Identifier: Apache-2.0 */
/* Backtracking matcher with a budget, see pattern.h. Patterns are the administrator's, texts an observed
 * process's: the budget is what keeps a text of 4,096 slashes from costing more than a millisecond. */
#include "process/pattern.h"

#include <ctype.h>

#include "util/util.h"

#define STEPS_MAX 100000
#define VERSION	  "{version}"

struct match {
	unsigned int steps;
	bool any_case;
	const char *version;
	size_t version_len;
};

static bool match(struct match *m, const char *p, const char *s);

static bool same(const struct match *m, char a, char b)
{
	return m->any_case ? tolower((unsigned char)a) == tolower((unsigned char)b) : a == b;
}

static bool match_star(struct match *m, const char *p, const char *s)
{
	bool deep = p[1] == '*';

	p += deep ? 2 : 1;
	for (;; s++) {
		if (match(m, p, s))
			return true;
		if (!*s || (*s == '/' && !deep) || m->steps > STEPS_MAX)
			return false;
	}
}

static bool is_version_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("._+-", c));
}

static bool match_version(struct match *m, const char *p, const char *s)
{
	size_t n = 0;

	if (!isdigit((unsigned char)*s))
		return false;
	while (is_version_char(s[n]))
		n++;
	for (; n > 0; n--) {
		if (match(m, p + strlen(VERSION), s + n)) {
			m->version = s;
			m->version_len = n;
			return true;
		}
	}
	return false;
}

static bool match(struct match *m, const char *p, const char *s)
{
	for (;; p++, s++) {
		if (++m->steps > STEPS_MAX)
			return false;
		if (*p == '*')
			return match_star(m, p, s);
		if (*p == '{' && !strncmp(p, VERSION, strlen(VERSION)))
			return match_version(m, p, s);
		if (!*p || !*s)
			return *p == *s;
		if (*p == '?' ? *s == '/' : !same(m, *p, *s))
			return false;
	}
}

/* "~/x" and a double star at the front: x below any directory, so behind any slash. */
static bool match_path(struct match *m, const char *pattern, const char *text)
{
	size_t front = !strncmp(pattern, "~/", 2) ? 2 : !strncmp(pattern, "**/", 3) ? 3 : 0;

	if (!front)
		return match(m, pattern, text);
	for (const char *s = strchr(text, '/'); s; s = strchr(s + 1, '/'))
		if (match(m, pattern + front, s + 1))
			return true;
	return false;
}

bool tt_pattern_match(const char *pattern, const char *text, char **ret_version)
{
	struct match m = { 0 };

	if (!match_path(&m, pattern, text))
		return false;
	if (ret_version && m.version)
		*ret_version = strndup(m.version, m.version_len);
	return true;
}

bool tt_pattern_match_any_case(const char *pattern, const char *text)
{
	struct match m = { .any_case = true };

	return match_path(&m, pattern, text);
}
