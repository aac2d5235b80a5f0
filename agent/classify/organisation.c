/* SPDX-License-Identifier: Apache-2.0 */
#include "organisation.h"

#include <ctype.h>
#include <libpsl.h>

#include "config/config.h"
#include "hostset.h"
#include "util/util.h"

/* As libpsl wants it: lower case, without a dot at the end. False: no name of a host, by its length. */
static bool plain(const char *host, char ret[TT_CONFIG_HOST_MAX + 1])
{
	size_t len = strnlen(host, TT_CONFIG_HOST_MAX + 2);

	if (len && host[len - 1] == '.')
		len--;
	if (!len || len > TT_CONFIG_HOST_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		ret[i] = (char)tolower((unsigned char)host[i]);
	ret[len] = '\0';
	return true;
}

/* The part of host that was registered; NULL: none. */
static const char *registered(const char *host)
{
	uint8_t addr[16];
	int family;

	/* the built-in list needs no loading: a newer one, in a file, takes 20 ms */
	return tt_host_address(host, &family, addr) ? NULL : psl_registrable_domain(psl_builtin(), host);
}

bool tt_same_organisation(const char *a, const char *b)
{
	char left[TT_CONFIG_HOST_MAX + 1], right[TT_CONFIG_HOST_MAX + 1];

	if (!plain(a, left) || !plain(b, right))
		return false;
	return tt_streq(left, right) || tt_streq(registered(left), registered(right));
}
