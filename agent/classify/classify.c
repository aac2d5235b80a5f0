/* SPDX-License-Identifier: Apache-2.0 */
/* The classifier: definitions compiled into tables, and the look-ups.
 *
 * A definition's path becomes an entry of
 *   exact     whole path                       /etc/localtime, ~/.netrc
 *   prefix    leading directories, with '/'    /usr/share/zoneinfo/, ~/.gnupg/
 *   part      its longest literal component    ** /.git/hooks/{any}: tried when a path has a "hooks"
 *   rest      a list tried on every path, for patterns without a literal component (avoid them)
 * and a name one of exact last component, extension ({any}.pem), or rest. exact and prefix exist twice,
 * for absolute paths and for what follows a home directory. All that match are considered; the lowest
 * rank wins, and nothing is tried that could not improve on what was found. */
#include "classify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>

#include "config/config.h"
#include "glob.h"
#include "hostset.h"
#include "strtab.h"
#include "util/address.h"

#define CATEGORIES_MAX 1000
#define HOMES_MAX      2

enum space { SPACE_ABSOLUTE, SPACE_HOME, SPACES };

enum subject { SUBJECT_PATH, SUBJECT_HOME, SUBJECT_NAME };

struct pattern {
	char *text;
	enum subject subject;
	int16_t category;
	uint16_t head, tail; /* literal bytes at both ends: cheap to compare first */
	int32_t next; /* in its chain */
};

struct network {
	struct tt_config_network range;
	int16_t category;
};

struct category {
	char *name, *vendor;
	int rank;
	char keeps;
	bool place;
	bool looks;
};

struct pattern_list {
	struct pattern *v;
	size_t n;
};

struct tt_classifier {
	struct category *categories;
	size_t n_categories;

	struct tt_strtab exact[SPACES], prefix[SPACES];
	struct tt_strtab routine; /* whole paths */
	struct tt_strtab part, name, extension;
	struct pattern_list paths; /* chained from part, and from rest */
	int32_t rest;

	struct tt_strtab env;
	struct pattern_list env_patterns;
	struct tt_hostset hosts;
	struct network *networks;
	size_t n_networks;
	struct pattern_list unix_patterns;
};

/* The most sensitive category met so far. */
struct best {
	const struct tt_classifier *c;
	int16_t category;
	int rank;
};

static bool is_better(const struct best *best, int16_t category)
{
	return category != TT_NONE && best->c->categories[category].rank < best->rank;
}

static void consider(struct best *best, int16_t category)
{
	if (!is_better(best, category))
		return;
	best->category = category;
	best->rank = best->c->categories[category].rank;
}

static const char *name_of(const struct best *best)
{
	return best->category == TT_NONE ? NULL : best->c->categories[best->category].name;
}

#define BEST_INIT(classifier)                                                                                \
	{                                                                                                    \
		.c = (classifier), .category = TT_NONE, .rank = INT_MAX                                      \
	}

/* ---- building */

static int put_entry(struct tt_classifier *c, struct tt_strtab *tab, const char *key, size_t len,
		     int16_t category)
{
	struct tt_strtab_entry *entry = tt_strtab_put(tab, key, len);

	if (!entry)
		return -ENOMEM;
	if (entry->category == TT_NONE || c->categories[category].rank < c->categories[entry->category].rank)
		entry->category = category;
	return 0;
}

static int put_pattern(struct pattern_list *list, const char *text, enum subject subject, int16_t category,
		       int32_t *chain)
{
	size_t len = strlen(text), head = strcspn(text, "*?[\\"), tail = 0;
	struct pattern *grown;

	/* A ']' at the end may close a set; a '\' quotes: no literal tail then. */
	if (!strpbrk(text, "[\\"))
		while (tail < len - head && !strchr("*?", text[len - 1 - tail]))
			tail++;
	/* "a/ ** /b" matches a/b: both literal ends share a slash with it, so do not demand theirs twice. */
	if (tail && strstr(text, "**/"))
		tail = 0;
	grown = reallocarray(list->v, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->v = grown;
	grown[list->n] = (struct pattern){
		.text = strdup(text),
		.subject = subject,
		.category = category,
		.head = head,
		.tail = tail,
		.next = chain ? *chain : TT_NONE,
	};
	if (!grown[list->n].text)
		return -ENOMEM;
	if (chain)
		*chain = list->n;
	list->n++;
	return 0;
}

/* The longest component without wildcards, the later of equals; false if there is none. */
static bool literal_component(const char *text, const char **ret, size_t *ret_len)
{
	size_t best = 0;

	for (const char *s = text, *end;; s = end + 1) {
		end = strchrnul(s, '/');
		if ((size_t)(end - s) >= best && end > s && !tt_glob_is_pattern(s, end - s)) {
			*ret = s;
			*ret_len = best = end - s;
		}
		if (!*end)
			return best > 0;
	}
}

static int put_path_pattern(struct tt_classifier *c, const char *text, enum space space, int16_t category)
{
	enum subject subject = space == SPACE_HOME ? SUBJECT_HOME : SUBJECT_PATH;
	struct tt_strtab_entry *entry;
	const char *part;
	size_t len;

	if (!literal_component(text, &part, &len))
		return put_pattern(&c->paths, text, subject, category, &c->rest);
	entry = tt_strtab_put(&c->part, part, len);
	if (!entry)
		return -ENOMEM;
	return put_pattern(&c->paths, text, subject, category, &entry->chain);
}

static int put_path(struct tt_classifier *c, const char *text, int16_t category)
{
	enum space space = text[0] == '~' ? SPACE_HOME : SPACE_ABSOLUTE;
	_cleanup_free_ char *all_below = NULL;
	size_t len;

	text += space == SPACE_HOME;
	len = strlen(text);
	if (len > 3 && !strcmp(text + len - 3, "/**") && !tt_glob_is_pattern(text, len - 3))
		return put_entry(c, &c->prefix[space], text, len - 2, category);
	if (text[len - 1] == '/' && !tt_glob_is_pattern(text, len))
		return put_entry(c, &c->prefix[space], text, len, category);
	if (!tt_glob_is_pattern(text, len))
		return put_entry(c, &c->exact[space], text, len, category);
	if (text[len - 1] != '/')
		return put_path_pattern(c, text, space, category);
	if (asprintf(&all_below, "%s**", text) < 0) {
		all_below = NULL;
		return -ENOMEM;
	}
	return put_path_pattern(c, all_below, space, category);
}

static int put_name(struct tt_classifier *c, const char *text, int16_t category)
{
	size_t len = strlen(text);

	if (!tt_glob_is_pattern(text, len))
		return put_entry(c, &c->name, text, len, category);
	if (len > 2 && text[0] == '*' && text[1] == '.' && !tt_glob_is_pattern(text + 2, len - 2) &&
	    !strchr(text + 2, '.'))
		return put_entry(c, &c->extension, text + 2, len - 2, category);
	return put_pattern(&c->paths, text, SUBJECT_NAME, category, &c->rest);
}

static int put_routine(struct tt_classifier *c, const char *text, int16_t category)
{
	return put_entry(c, &c->routine, text, strlen(text), category);
}

static int put_env(struct tt_classifier *c, const char *text, int16_t category)
{
	size_t len = strlen(text);

	if (!tt_glob_is_pattern(text, len))
		return put_entry(c, &c->env, text, len, category);
	return put_pattern(&c->env_patterns, text, SUBJECT_NAME, category, NULL);
}

static int put_host(struct tt_classifier *c, const char *text, int16_t category)
{
	int16_t *slot;
	int r = tt_hostset_put(&c->hosts, text, &slot);

	if (r < 0)
		return r;
	if (*slot == TT_NONE || c->categories[category].rank < c->categories[*slot].rank)
		*slot = category;
	return 0;
}

static int put_network(struct tt_classifier *c, const char *text, int16_t category)
{
	struct network *grown = reallocarray(c->networks, c->n_networks + 1, sizeof(*grown));
	int r;

	if (!grown)
		return -ENOMEM;
	c->networks = grown;
	r = tt_config_parse_network(text, &grown[c->n_networks].range);
	if (r < 0)
		return r;
	grown[c->n_networks++].category = category;
	return 0;
}

static int put_unix(struct tt_classifier *c, const char *text, int16_t category)
{
	return put_pattern(&c->unix_patterns, text, SUBJECT_PATH, category, NULL);
}

static const struct {
	size_t offset;
	int (*put)(struct tt_classifier *c, const char *text, int16_t category);
} compilers[] = {
	{ offsetof(struct tt_config_category, paths), put_path },
	{ offsetof(struct tt_config_category, routine), put_routine },
	{ offsetof(struct tt_config_category, names), put_name },
	{ offsetof(struct tt_config_category, env), put_env },
	{ offsetof(struct tt_config_category, hosts), put_host },
	{ offsetof(struct tt_config_category, networks), put_network },
	{ offsetof(struct tt_config_category, unix_paths), put_unix },
};

static int compile(struct tt_classifier *c, const struct tt_config_category *from, int16_t category)
{
	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		const struct tt_strv *strv =
			(const struct tt_strv *)((const char *)from + compilers[i].offset);

		for (size_t j = 0; j < strv->n; j++) {
			int r = compilers[i].put(c, strv->v[j], category);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void pattern_list_done(struct pattern_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i].text);
	free(list->v);
}

void tt_classifier_free(struct tt_classifier *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_categories; i++) {
		free(c->categories[i].name);
		free(c->categories[i].vendor);
	}
	for (int space = 0; space < SPACES; space++) {
		tt_strtab_done(&c->exact[space]);
		tt_strtab_done(&c->prefix[space]);
	}
	tt_strtab_done(&c->routine);
	tt_strtab_done(&c->part);
	tt_strtab_done(&c->name);
	tt_strtab_done(&c->extension);
	tt_strtab_done(&c->env);
	tt_hostset_done(&c->hosts);
	pattern_list_done(&c->paths);
	pattern_list_done(&c->env_patterns);
	pattern_list_done(&c->unix_patterns);
	free(c->networks);
	free(c->categories);
	free(c);
}

TT_DEFINE_CLEANUP(struct tt_classifier *, tt_classifier_free)

static int add_category(struct tt_classifier *c, const struct tt_config_category *from)
{
	struct category *category = &c->categories[c->n_categories];

	category->name = strdup(from->id);
	category->vendor = from->vendor ? strdup(from->vendor) : NULL;
	category->rank = from->rank;
	category->keeps = from->keeps;
	category->looks = from->looks != 'n';
	category->place = from->place;
	if (!category->name || (from->vendor && !category->vendor)) {
		c->n_categories++;
		return -ENOMEM;
	}
	return compile(c, from, c->n_categories++);
}

int tt_classifier_new(const struct tt_config_categories *config, struct tt_classifier **ret)
{
	_cleanup_(tt_classifier_freep) struct tt_classifier *c = NULL;

	if (config->n > CATEGORIES_MAX)
		return -E2BIG;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->rest = TT_NONE;
	c->categories = calloc(config->n + 1, sizeof(*c->categories));
	if (!c->categories)
		return -ENOMEM;
	for (size_t i = 0; i < config->n; i++) {
		int r = add_category(c, &config->v[i]);

		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(c);
	return 0;
}

/* ---- paths */

struct path {
	const char *text, *name; /* name: the last component */
	size_t len, name_len;
	const char *homes[HOMES_MAX]; /* what follows a home directory, from its '/' on */
	unsigned n_homes;
};

static bool ends_match(const struct pattern *pattern, const char *text, size_t len)
{
	return len >= pattern->head && len >= pattern->tail && !memcmp(text, pattern->text, pattern->head) &&
	       !memcmp(text + len - pattern->tail, pattern->text + strlen(pattern->text) - pattern->tail,
		       pattern->tail);
}

static bool matches(const struct pattern *pattern, const char *text, size_t len)
{
	return ends_match(pattern, text, len) && tt_glob_match(pattern->text, text);
}

static bool matches_path(const struct pattern *pattern, const struct path *path)
{
	switch (pattern->subject) {
	case SUBJECT_NAME:
		return matches(pattern, path->name, path->name_len);
	case SUBJECT_HOME:
		for (unsigned i = 0; i < path->n_homes; i++)
			if (matches(pattern, path->homes[i], path->len - (path->homes[i] - path->text)))
				return true;
		return false;
	default:
		return matches(pattern, path->text, path->len);
	}
}

static void try_chain(struct best *best, int32_t chain, const struct path *path)
{
	const struct pattern *v = best->c->paths.v;

	for (int32_t i = chain; i != TT_NONE; i = v[i].next)
		if (is_better(best, v[i].category) && matches_path(&v[i], path))
			consider(best, v[i].category);
}

static void probe(struct best *best, const struct tt_strtab *tab, const char *key, size_t len, uint64_t hash)
{
	const struct tt_strtab_entry *entry = tt_strtab_get(tab, key, len, hash);

	if (entry)
		consider(best, entry->category);
}

/* Whole path and leading directories, in one pass that ends where no key is longer. */
static void scan_space(struct best *best, enum space space, const char *text, size_t len)
{
	const struct tt_strtab *exact = &best->c->exact[space], *prefix = &best->c->prefix[space];
	size_t longest = exact->longest > prefix->longest ? exact->longest : prefix->longest;
	uint64_t hash = TT_HASH_INIT;
	size_t i;

	for (i = 0; i < len && i < longest; i++) {
		hash = tt_hash_byte(hash, text[i]);
		if (text[i] == '/' && i + 1 < len)
			probe(best, prefix, text, i + 1, hash);
	}
	if (i == len)
		probe(best, exact, text, len, hash);
}

/* Each component that some pattern is waiting for; returns the last one's hash. */
static uint64_t scan_parts(struct best *best, const struct path *path)
{
	const struct tt_strtab *part = &best->c->part;
	const char *end = path->text + path->len, *s = path->text;
	uint64_t hash = TT_HASH_INIT;

	for (const char *p = s;; p++) {
		const struct tt_strtab_entry *entry;

		if (p < end && *p != '/') {
			hash = tt_hash_byte(hash, *p);
			continue;
		}
		entry = tt_strtab_get(part, s, p - s, hash);
		if (entry)
			try_chain(best, entry->chain, path);
		if (p == end)
			return hash;
		s = p + 1;
		hash = TT_HASH_INIT;
	}
}

static void scan_name(struct best *best, const struct path *path, uint64_t hash)
{
	const char *dot = memrchr(path->name, '.', path->name_len);

	probe(best, &best->c->name, path->name, path->name_len, hash);
	if (dot) {
		size_t len = path->name + path->name_len - (dot + 1);

		if (len <= best->c->extension.longest)
			probe(best, &best->c->extension, dot + 1, len, tt_hash_bytes(dot + 1, len));
	}
}

static void add_home(struct path *path, const char *rest)
{
	if (path->n_homes < HOMES_MAX && (!path->n_homes || path->homes[0] != rest))
		path->homes[path->n_homes++] = rest;
}

static void find_homes(struct path *path, const char *home)
{
	static const struct {
		const char *dir; /* with its last '/' */
		bool any_below;
	} roots[] = { { "/root/", false }, { "/home/", true }, { "/var/home/", true } };
	size_t len = home ? strlen(home) : 0;

	while (len && home[len - 1] == '/')
		len--;
	/* A user without a home of his own has "/": nothing follows it that would be his. */
	if (len && len < path->len && !memcmp(path->text, home, len) && path->text[len] == '/')
		add_home(path, path->text + len);
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		size_t n = strlen(roots[i].dir);
		const char *rest;

		if (strncmp(path->text, roots[i].dir, n))
			continue;
		rest = roots[i].any_below ? strchr(path->text + n, '/') : path->text + n - 1;
		if (rest)
			add_home(path, rest);
	}
}

/* "//", "/./", "/../", or one of them at the end. A '/' at the very end is one as well. */
static bool is_normal(const char *text)
{
	for (const char *p = strchr(text, '/'); p; p = strchr(p + 1, '/')) {
		const char *s = p + 1;

		if (*s == '/' || (!*s && p != text))
			return false;
		if (*s == '.' && (s[1] == '/' || !s[1] || (s[1] == '.' && (s[2] == '/' || !s[2]))))
			return false;
	}
	return true;
}

/* Resolves "." and ".." by their spelling. out holds strlen(text) + 2 bytes. */
static void normalize(const char *text, char *out)
{
	size_t len = 0;

	for (const char *s = text, *end; *s; s = end) {
		size_t n;

		s += strspn(s, "/");
		end = strchrnul(s, '/');
		n = end - s;
		if (!n || (n == 1 && s[0] == '.'))
			continue;
		if (n == 2 && s[0] == '.' && s[1] == '.') {
			while (len && out[--len] != '/')
				;
			continue;
		}
		out[len++] = '/';
		memcpy(out + len, s, n);
		len += n;
	}
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
}

static const char *classify_normal(const struct tt_classifier *c, const char *text, const char *home)
{
	struct path path = { .text = text, .len = strlen(text) };
	struct best best = BEST_INIT(c);
	uint64_t hash;

	path.name = tt_basename(text);
	path.name_len = path.len - (path.name - text);
	find_homes(&path, home);
	hash = scan_parts(&best, &path);
	scan_name(&best, &path, hash);
	if (text[0] == '/')
		scan_space(&best, SPACE_ABSOLUTE, text, path.len);
	for (unsigned i = 0; i < path.n_homes; i++)
		scan_space(&best, SPACE_HOME, path.homes[i], path.len - (path.homes[i] - text));
	try_chain(&best, c->rest, &path);
	return name_of(&best);
}

const char *tt_classify_path(const struct tt_classifier *c, const char *path, const char *home)
{
	char normal[PATH_MAX + 2];

	if (!path || !path[0])
		return NULL;
	/* Longer than the kernel takes: cannot be a file's name, and is classified as it stands. */
	if (path[0] != '/' || is_normal(path) || strlen(path) > PATH_MAX)
		return classify_normal(c, path, home);
	normalize(path, normal);
	return classify_normal(c, normal, home);
}

/* A file in a directory that has no name of its own that would matter. */
#define ANY_CHILD "\1"

const char *tt_classify_look(const struct tt_classifier *c, const char *path, const char *home)
{
	char child[PATH_MAX + sizeof("/" ANY_CHILD)];
	const char *category = tt_classify_path(c, path, home);

	if (category && tt_strtab_get(&c->routine, path, strlen(path), tt_hash_bytes(path, strlen(path))))
		return NULL;
	if (path && (size_t)snprintf(child, sizeof(child), "%s/" ANY_CHILD, path) < sizeof(child))
		category = tt_classify_worse(c, category, tt_classify_path(c, child, home));
	for (size_t i = 0; category && i < c->n_categories; i++)
		if (tt_streq(c->categories[i].name, category))
			return c->categories[i].looks ? category : NULL;
	return NULL;
}

/* ---- variables */

static void try_list(struct best *best, const struct pattern_list *list, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < list->n; i++)
		if (is_better(best, list->v[i].category) && matches(&list->v[i], text, len))
			consider(best, list->v[i].category);
}

static struct best find_env(const struct tt_classifier *c, const char *name)
{
	struct best best = BEST_INIT(c);

	if (name) {
		probe(&best, &c->env, name, strlen(name), tt_hash_bytes(name, strlen(name)));
		try_list(&best, &c->env_patterns, name);
	}
	return best;
}

const char *tt_classify_env(const struct tt_classifier *c, const char *name)
{
	struct best best = find_env(c, name);

	return name_of(&best);
}

/* Whose value may be kept at all. Not left to the configuration: a wrong line there must not put
 * secrets into the database. LC_ALONE is not enough: ssh passes LC_ANYTHING on, and people use that. */
static const char *const value_names[] = {
	"TZ",	       "LANG",	     "LC_ALL",	     "LC_CTYPE",   "LC_COLLATE",	"LC_MESSAGES",
	"LC_MONETARY", "LC_NUMERIC", "LC_TIME",	     "LC_ADDRESS", "LC_IDENTIFICATION", "LC_MEASUREMENT",
	"LC_NAME",     "LC_PAPER",   "LC_TELEPHONE",
};

static bool may_keep_value(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(value_names); i++)
		if (!strcmp(name, value_names[i]))
			return true;
	return false;
}

char tt_classify_env_keeps(const struct tt_classifier *c, const char *name)
{
	struct best best = find_env(c, name);
	char keeps = best.category == TT_NONE ? 0 : c->categories[best.category].keeps;

	return keeps == 'v' && !may_keep_value(name) ? 0 : keeps;
}

/* ---- hosts and sockets */

static bool in_network(const struct tt_config_network *range, int family, const uint8_t *addr, uint16_t port)
{
	unsigned bytes = range->bits / 8, bits = range->bits % 8;

	if (range->family != family || (range->port && range->port != port) ||
	    memcmp(range->addr, addr, bytes))
		return false;
	return !bits || !((range->addr[bytes] ^ addr[bytes]) >> (8 - bits));
}

/* One port of one address says more than ranges do: a cloud's name server is at an address of its metadata service. */
static bool is_endpoint(const struct tt_config_network *range)
{
	return range->port && range->bits == (range->family == AF_INET ? 32 : 128);
}

/* *alone: nothing else counts, no name either. */
static struct best find_address(const struct tt_classifier *c, int family, const uint8_t *addr, uint16_t port,
				bool *alone)
{
	struct tt_address plain = tt_address_plain(family, addr);
	struct best best = BEST_INIT(c), endpoint = BEST_INIT(c);

	for (size_t i = 0; i < c->n_networks; i++) {
		const struct network *network = &c->networks[i];

		if (in_network(&network->range, plain.family, plain.addr, port))
			consider(is_endpoint(&network->range) ? &endpoint : &best, network->category);
	}
	*alone = endpoint.category != TT_NONE;
	return *alone ? endpoint : best;
}

static void consider_host(int16_t category, void *arg)
{
	consider(arg, category);
}

static void consider_vendor(int16_t category, void *arg)
{
	struct best *best = arg;

	if (best->c->categories[category].vendor)
		consider(best, category);
}

static struct best find_host(const struct tt_classifier *c, const char *host)
{
	struct best best = BEST_INIT(c);
	uint8_t addr[16];
	int family;
	bool alone;

	if (host && tt_host_address(host, &family, addr))
		return find_address(c, family, addr, 0, &alone);
	if (host)
		tt_hostset_find(&c->hosts, host, consider_host, &best);
	return best;
}

const char *tt_classify_host(const struct tt_classifier *c, const char *host)
{
	struct best best = find_host(c, host);

	return name_of(&best);
}

const char *tt_classify_vendor(const struct tt_classifier *c, const char *host)
{
	struct best best = BEST_INIT(c);

	tt_hostset_find(&c->hosts, host, consider_vendor, &best);
	return best.category == TT_NONE ? NULL : c->categories[best.category].vendor;
}

const char *tt_classify_address(const struct tt_classifier *c, int family, const uint8_t addr[16],
				uint16_t port)
{
	bool alone;
	struct best best = find_address(c, family, addr, port, &alone);

	return name_of(&best);
}

const char *tt_classify_connection(const struct tt_classifier *c, int family, const uint8_t addr[16],
				   uint16_t port, const char *host, bool behind_proxy)
{
	bool alone;
	struct best address = find_address(c, family, addr, port, &alone), name = find_host(c, host);
	bool place = address.category != TT_NONE && c->categories[address.category].place;

	if (alone && !place && !behind_proxy)
		return name_of(&address);
	if (place && (name.category != TT_NONE || (host && behind_proxy)))
		return name_of(&name);
	consider(&address, name.category);
	return name_of(&address);
}

const char *tt_classify_unix(const struct tt_classifier *c, const char *path)
{
	struct best best = BEST_INIT(c);

	if (path)
		try_list(&best, &c->unix_patterns, path);
	return name_of(&best);
}

/* ---- categories */

/* An unknown category is less sensitive than any known one. */
static int rank_of(const struct tt_classifier *c, const char *category)
{
	for (size_t i = 0; i < c->n_categories; i++)
		if (category == c->categories[i].name || tt_streq(category, c->categories[i].name))
			return c->categories[i].rank;
	return INT_MAX;
}

const char *tt_classify_worse(const struct tt_classifier *c, const char *a, const char *b)
{
	if (!a || !b)
		return a ? a : b;
	return rank_of(c, b) < rank_of(c, a) ? b : a;
}
