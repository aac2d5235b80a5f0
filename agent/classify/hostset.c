/* SPDX-License-Identifier: Apache-2.0 */
/* "api.example.com" is kept as "com/example/api": a host's domains are its beginnings then, and glob.h's '*', which
 * stops at '/', stays within a label. */
#include "hostset.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>

#include "config/config.h"
#include "glob.h"

#define HOST_MAX TT_CONFIG_HOST_MAX

struct tt_host_pattern {
	char *text;
	int16_t number;
	int32_t next; /* of those with the same end */
};

/* 0: longer than any name, or it has what no name has. */
static size_t reverse(const char *host, char ret[HOST_MAX + 1])
{
	size_t len = strnlen(host, HOST_MAX + 2);

	if (len && host[len - 1] == '.')
		len--;
	if (len > HOST_MAX)
		return 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = host[len - 1 - i];

		if (c == '/')
			return 0;
		ret[i] = c == '.' ? '/' : (char)tolower(c);
	}
	ret[len] = '\0';
	return len;
}

static int put_pattern(struct tt_hostset *set, const char *text, int16_t **ret)
{
	/* what comes before the first label with a '*': at least one, tt_config_is_host() sees to that */
	const char *end = memrchr(text, '/', strcspn(text, "*"));
	struct tt_strtab_entry *entry = tt_strtab_put(&set->domain, text, end - text);
	struct tt_host_pattern *grown;

	if (!entry)
		return -ENOMEM;
	for (int32_t i = entry->chain; i != TT_NONE; i = set->patterns[i].next) {
		if (tt_streq(set->patterns[i].text, text)) {
			*ret = &set->patterns[i].number;
			return 0;
		}
	}
	grown = reallocarray(set->patterns, set->n_patterns + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->patterns = grown;
	grown[set->n_patterns] = (struct tt_host_pattern){ strdup(text), TT_NONE, entry->chain };
	if (!grown[set->n_patterns].text)
		return -ENOMEM;
	*ret = &grown[set->n_patterns].number;
	entry->chain = (int32_t)set->n_patterns++;
	return 0;
}

int tt_hostset_put(struct tt_hostset *set, const char *pattern, int16_t **ret)
{
	bool domain = pattern[0] == '.';
	struct tt_strtab_entry *entry;
	char text[HOST_MAX + 1];
	size_t len;

	if (!tt_config_is_host(pattern))
		return -EINVAL;
	len = reverse(pattern + domain, text);
	if (strchr(text, '*'))
		return put_pattern(set, text, ret);
	entry = tt_strtab_put(domain ? &set->domain : &set->exact, text, len);
	if (!entry)
		return -ENOMEM;
	*ret = &entry->category;
	return 0;
}

void tt_hostset_done(struct tt_hostset *set)
{
	tt_strtab_done(&set->exact);
	tt_strtab_done(&set->domain);
	for (size_t i = 0; i < set->n_patterns; i++)
		free(set->patterns[i].text);
	free(set->patterns);
	*set = (struct tt_hostset){ 0 };
}

struct finding {
	const struct tt_hostset *set;
	const char *text;
	tt_hostset_fn fn;
	void *arg;
};

static void probe_domain(const struct finding *finding, size_t len, uint64_t hash)
{
	const struct tt_hostset *set = finding->set;
	const struct tt_strtab_entry *entry = tt_strtab_get(&set->domain, finding->text, len, hash);

	if (!entry)
		return;
	if (entry->category != TT_NONE)
		finding->fn(entry->category, finding->arg);
	for (int32_t i = entry->chain; i != TT_NONE; i = set->patterns[i].next)
		if (tt_glob_match(set->patterns[i].text, finding->text))
			finding->fn(set->patterns[i].number, finding->arg);
}

void tt_hostset_find(const struct tt_hostset *set, const char *host, tt_hostset_fn fn, void *arg)
{
	char text[HOST_MAX + 1];
	struct finding finding = { set, text, fn, arg };
	size_t len = reverse(host, text);
	const struct tt_strtab_entry *entry;
	uint64_t hash = TT_HASH_INIT;

	if (!len)
		return;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '/')
			probe_domain(&finding, i, hash);
		hash = tt_hash_byte(hash, text[i]);
	}
	probe_domain(&finding, len, hash);
	entry = tt_strtab_get(&set->exact, text, len, hash);
	if (entry)
		fn(entry->category, arg);
}

bool tt_host_matches(const char *pattern, const char *host)
{
	bool domain = pattern[0] == '.';
	char wanted[HOST_MAX + 1], text[HOST_MAX + 1];
	size_t len, n;

	if (!tt_config_is_host(pattern))
		return false;
	len = reverse(pattern + domain, wanted);
	n = reverse(host, text);
	if (domain)
		return n >= len && !memcmp(text, wanted, len) && (!text[len] || text[len] == '/');
	return n && tt_glob_match(wanted, text);
}

bool tt_host_address(const char *host, int *ret_family, uint8_t ret[16])
{
	struct in_addr v4;

	/* inet_aton() takes what follows a blank for nothing */
	if (isdigit((unsigned char)host[0]) && !strpbrk(host, " \t\n\v\f\r") && inet_aton(host, &v4)) {
		memcpy(ret, &v4, sizeof(v4));
		*ret_family = AF_INET;
		return true;
	}
	*ret_family = AF_INET6;
	return strchr(host, ':') && inet_pton(AF_INET6, host, ret) == 1;
}
