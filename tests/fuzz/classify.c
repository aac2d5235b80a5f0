/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile paths, names, hosts and values against the shipped categories; the first line of the input is
 * also a pattern, of a path and of a host. Runs in the source tree's root, or with TELLTALE_CONFIG_DIR set. */
#include <stdlib.h>

#include "classify/classify.h"
#include "classify/glob.h"
#include "classify/hostset.h"
#include "classify/organisation.h"
#include "config/config.h"
#include "util/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tt_classifier *shipped(void)
{
	static struct tt_classifier *c;
	_cleanup_free_ char *path = NULL;
	struct tt_config_categories *config;
	const char *dir = getenv("TELLTALE_CONFIG_DIR");

	if (c)
		return c;
	if (asprintf(&path, "%s/categories.d", dir ? dir : "config") < 0 ||
	    tt_config_load_categories(path, &config, NULL) < 0 || tt_classifier_new(config, &c) < 0)
		abort();
	tt_config_categories_free(config);
	return c;
}

static void found(int16_t number, void *arg)
{
	*(bool *)arg = true;
}

/* A set with one entry says the same as the entry. */
static void try_hosts(const char *pattern, const char *host)
{
	struct tt_hostset set = { 0 };
	int16_t *number;
	bool is_in = false;

	if (tt_same_organisation(pattern, host) != tt_same_organisation(host, pattern))
		abort();
	if (tt_hostset_put(&set, pattern, &number) == 0) {
		*number = 0;
		tt_hostset_find(&set, host, found, &is_in);
	}
	if (is_in != tt_host_matches(pattern, host))
		abort();
	tt_hostset_done(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	const struct tt_classifier *c = shipped();
	char host[64], *rest;
	uint8_t addr[16] = { 0 };

	if (!text)
		return 0;
	tt_classify_path(c, text, "/home/me");
	tt_classify_path(c, text, text);
	tt_classify_env_keeps(c, text);
	tt_classify_host(c, text);
	tt_classify_vendor(c, text);
	tt_classify_unix(c, text);
	if (tt_classify_url_host(text, host, sizeof(host)) && strlen(host) >= sizeof(host))
		abort();
	memcpy(addr, text, strnlen(text, sizeof(addr)));
	tt_classify_address(c, 2, addr, 53);
	tt_classify_address(c, 10, addr, 53);
	tt_classify_connection(c, 2, addr, 443, text, size & 1);
	rest = strchr(text, '\n');
	if (rest) {
		*rest = '\0';
		tt_glob_match(text, rest + 1);
		try_hosts(text, rest + 1);
	}
	return 0;
}
