/* SPDX-License-Identifier: Apache-2.0 */
/* "api.example.com", ".example.com", "*-region.example.com": what may stand for hosts in a definition. */
#include "config.h"

#include <ctype.h>

#include "util/util.h"

#define LABEL_MAX 63

/* A label of a host's name; '*' may stand for any bytes in it. */
static bool is_label(const char *s, size_t len)
{
	if (!len || len > LABEL_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-_*", s[i]))
			return false;
	return true;
}

bool tt_config_is_host(const char *text)
{
	const char *name = text + (text[0] == '.'), *last = name;

	if (strlen(name) > TT_CONFIG_HOST_MAX || (name > text && strchr(name, '*')))
		return false;
	for (const char *s = name;; s++) {
		size_t len = strcspn(s, ".");

		if (!is_label(s, len))
			return false;
		last = s;
		s += len;
		if (!*s)
			break;
	}
	/* an address is no name, and a pattern over top-level domains is a mistake */
	return strspn(last, "0123456789") < strlen(last) && !strchr(last, '*');
}
