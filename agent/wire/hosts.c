/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/hosts.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* The next word of a line; its length, 0 at the end. */
static size_t next_word(const char **at, const char *end, const char **ret)
{
	while (*at < end && is_space(**at))
		(*at)++;
	*ret = *at;
	while (*at < end && !is_space(**at))
		(*at)++;
	return (size_t)(*at - *ret);
}

static bool read_address(const char *word, size_t len, struct tt_hosts_entry *ret)
{
	char text[INET6_ADDRSTRLEN];

	/* with a zone it is longer than some, and means one link only */
	if (len == 0 || len >= sizeof(text) || memchr(word, '\0', len))
		return false;
	memcpy(text, word, len);
	text[len] = '\0';
	memset(ret->addr, 0, sizeof(ret->addr));
	ret->family = memchr(word, ':', len) ? AF_INET6 : AF_INET;
	return inet_pton(ret->family, text, ret->addr) == 1;
}

bool tt_hosts_next(const void *data, size_t len, size_t *at, struct tt_hosts_entry *ret)
{
	const char *text = data;

	while (*at < len) {
		const char *line = text + *at, *end = memchr(line, '\n', len - *at), *comment, *word;
		size_t n;

		*at = end ? (size_t)(end + 1 - text) : len;
		if (!end)
			end = text + len;
		comment = memchr(line, '#', (size_t)(end - line));
		if (comment)
			end = comment;
		n = next_word(&line, end, &word);
		if (!read_address(word, n, ret))
			continue;
		n = next_word(&line, end, &word);
		if (n > 0 && tt_host_clean(word, n, ret->name))
			return true;
	}
	return false;
}
