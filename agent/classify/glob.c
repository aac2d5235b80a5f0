/* SPDX-License-Identifier: Apache-2.0 */
/* The pattern matcher. Two levels: components against components, where only the last "**" is ever
 * reconsidered, and bytes against bytes within one, where only the last '*' is. An earlier one never
 * needs to be: it has already matched as little as possible, and the later one can take up the rest.
 * Hence no recursion and no exponential time. */
#include "glob.h"

#include <string.h>

/* Matches one byte against the set at *p ("[" read already); *p moves behind "]". An unclosed set
 * matches nothing. */
static bool match_set(const char **p, const char *end, unsigned char c)
{
	const char *s = *p;
	bool negated = s < end && (*s == '!' || *s == '^');
	bool found = false;

	s += negated;
	for (const char *first = s; s < end && (*s != ']' || s == first); s++) {
		unsigned char low = *s, high = low;

		if (s + 2 < end && s[1] == '-' && s[2] != ']') {
			high = s[2];
			s += 2;
		}
		found |= low <= c && c <= high;
	}
	if (s >= end)
		return false;
	*p = s + 1;
	return found != negated;
}

/* One pattern element other than '*' against one byte; *p moves behind the element on success. */
static bool match_byte(const char **p, const char *end, unsigned char c)
{
	const char *s = *p;

	if (s >= end)
		return false;
	switch (*s) {
	case '?':
		s++;
		break;
	case '[':
		s++;
		if (!match_set(&s, end, c))
			return false;
		break;
	case '\\':
		if (s + 1 < end)
			s++;
		/* fall through */
	default:
		if ((unsigned char)*s != c)
			return false;
		s++;
	}
	*p = s;
	return true;
}

static bool match_component(const char *p, const char *p_end, const char *t, const char *t_end)
{
	const char *star_p = NULL, *star_t = NULL;

	while (t < t_end) {
		if (p < p_end && *p == '*') {
			star_p = ++p;
			star_t = t;
		} else if (match_byte(&p, p_end, *t)) {
			t++;
		} else if (star_p) {
			p = star_p;
			t = ++star_t;
		} else {
			return false;
		}
	}
	while (p < p_end && *p == '*')
		p++;
	return p == p_end;
}

static const char *component_end(const char *s)
{
	return strchrnul(s, '/');
}

/* The next component; NULL behind the last one. */
static const char *next_component(const char *s)
{
	s = component_end(s);
	return *s ? s + 1 : NULL;
}

static bool is_globstar(const char *p)
{
	return p[0] == '*' && p[1] == '*' && (p[2] == '/' || !p[2]);
}

bool tt_glob_match(const char *pattern, const char *text)
{
	const char *p = pattern, *t = text, *star_p = NULL, *star_t = NULL;

	while (t) {
		if (p && is_globstar(p)) {
			p = next_component(p);
			if (!p)
				return true;
			star_p = p;
			star_t = t;
		} else if (p && match_component(p, component_end(p), t, component_end(t))) {
			p = next_component(p);
			t = next_component(t);
		} else if (star_p) {
			p = star_p;
			t = star_t = next_component(star_t);
		} else {
			return false;
		}
	}
	return !p;
}

bool tt_glob_is_pattern(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr("*?[\\", text[i]))
			return true;
	return false;
}
