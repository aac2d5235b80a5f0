/* SPDX-License-Identifier: Apache-2.0 */
/* Names a thing's category: path, environment variable, address or host -> "timezone", "credential", ...
 *
 * Built from the category definitions (config/categories.d), immutable afterwards. Category names are
 * interned in the classifier and live as long as it does. Cost per look-up is bounded: one pass over
 * the path probes hash tables of whole paths, leading directories, components and extensions; patterns
 * are only tried where a component of theirs was met, and each in time linear in path and pattern. */
#ifndef TT_CLASSIFY_CLASSIFY_H
#define TT_CLASSIFY_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

struct tt_config_categories;
struct tt_classifier;

int tt_classifier_new(const struct tt_config_categories *config, struct tt_classifier **ret);
void tt_classifier_free(struct tt_classifier *c);

/* home: the home directory of the process's user or NULL; "~/" in definitions stands for it. Also
 * /root, /home/<any> and /var/home/<any> count as homes. "//", "." and ".." are resolved by their
 * spelling first. path may lack its beginning (truncated): then only names and "**" patterns match.
 * NULL: no category. Where several match the most sensitive (lowest `rank` in the definitions) wins. */
const char *tt_classify_path(const struct tt_classifier *c, const char *path, const char *home);
/* Of what is only looked at, not opened: a directory has the category of all that is in it (/usr/share/zoneinfo of
 * /usr/share/zoneinfo/). NULL: none, or one whose definition says `looks: no`, or has the path as
 * `routine`. */
const char *tt_classify_look(const struct tt_classifier *c, const char *path, const char *home);
const char *tt_classify_env(const struct tt_classifier *c, const char *name);
/* host may be an address in text form. */
const char *tt_classify_host(const struct tt_classifier *c, const char *host);
/* Whose host that is, as the definitions say; NULL: they do not. */
const char *tt_classify_vendor(const struct tt_classifier *c, const char *host);
/* family: AF_INET or AF_INET6; addr in network order. */
const char *tt_classify_address(const struct tt_classifier *c, int family, const uint8_t addr[16],
				uint16_t port);
/* A connection to addr, which is to host (NULL: not known), behind_proxy: which the other end was asked for. A name says more
 * than the place an address is at (loopback, a private network), but hides nothing else that is known of an address: a
 * metadata service stays one under every name. The place is left out where it is a proxy's. */
const char *tt_classify_connection(const struct tt_classifier *c, int family, const uint8_t addr[16],
				   uint16_t port, const char *host, bool behind_proxy);
const char *tt_classify_unix(const struct tt_classifier *c, const char *path);

/* The more sensitive of two categories (either may be NULL). */
const char *tt_classify_worse(const struct tt_classifier *c, const char *a, const char *b);

/* What of a variable's value may be kept: 'v' the value itself (TZ, LANG, LC_*), 'h' the host of the
 * URL in it (proxy, API base URL), 0 nothing. */
char tt_classify_env_keeps(const struct tt_classifier *c, const char *name);

/* Host part of a URL or host:port value, lower case, without user, password, port, path and query;
 * false if there is none. Never writes more than cap bytes with NUL. */
bool tt_classify_url_host(const char *value, char *ret, unsigned cap);

#endif
