/* SPDX-License-Identifier: Apache-2.0 */
/* categories.d: which paths, variables and addresses mean what, telltale-categories.d(5).
 *
 * Files are read in the order of their names. A category that an earlier file has defined is added to,
 * not replaced: a site's own file can say `id: credential` and list what only it has. Rank, description,
 * keeps and looks of the later file hold, where it gives them. What a category has of each vendor is kept apart. */
#include "config.h"

#include <errno.h>

#include "yaml.h"

static const char *const keeps_words[] = { "value", "host", NULL };
static const char *const looks_words[] = { "yes", "no", NULL };

#define CATEGORY(key, type, ...) TT_YAML_FIELD(#key, type, struct tt_config_category, key, __VA_ARGS__)
static const struct tt_yaml_field category_fields[] = {
	CATEGORY(id, STRING, .required = true),
	CATEGORY(description, STRING),
	CATEGORY(vendor, STRING),
	CATEGORY(place, BOOL),
	CATEGORY(rank, INT, .min = 1, .max = 1000),
	CATEGORY(keeps, LETTER, .words = keeps_words),
	CATEGORY(looks, LETTER, .words = looks_words),
	CATEGORY(routine, STRV),
	CATEGORY(paths, STRV),
	CATEGORY(names, STRV),
	CATEGORY(env, STRV),
	CATEGORY(hosts, STRV),
	CATEGORY(networks, STRV),
	CATEGORY(unix_paths, STRV),
};
static const struct tt_yaml_schema category_schema = {
	.what = "a category",
	.fields = category_fields,
	.n_fields = ARRAY_SIZE(category_fields),
	.size = sizeof(struct tt_config_category),
};

static bool is_path(const char *text)
{
	return text[0] == '/' || !strncmp(text, "~/", 2) || !strncmp(text, "**/", 3);
}

static bool is_whole_path(const char *text)
{
	return text[0] == '/' && !strpbrk(text, "*?[\\");
}

static bool is_name(const char *text)
{
	return !strchr(text, '/');
}

static bool is_network(const char *text)
{
	return tt_config_parse_network(text, NULL) == 0;
}

static const struct entry_rule {
	const char *key;
	size_t offset;
	bool (*is_right)(const char *text);
	const char *expected;
} entry_rules[] = {
	{ "paths", offsetof(struct tt_config_category, paths), is_path,
	  "a pattern that starts with /, ~/ or **/" },
	{ "routine", offsetof(struct tt_config_category, routine), is_whole_path,
	  "a whole path that starts with /" },
	{ "names", offsetof(struct tt_config_category, names), is_name, "a file name without /" },
	{ "hosts", offsetof(struct tt_config_category, hosts), tt_config_is_host,
	  "a host, .DOMAIN or a pattern whose last label has no *" },
	{ "networks", offsetof(struct tt_config_category, networks), is_network,
	  "ADDRESS/BITS or ADDRESS/BITS:PORT" },
};

static int check_entries(struct tt_yaml *yaml, const struct tt_config_category *category, size_t line)
{
	for (size_t i = 0; i < ARRAY_SIZE(entry_rules); i++) {
		const struct entry_rule *rule = &entry_rules[i];
		const struct tt_strv *strv = (const struct tt_strv *)((const char *)category + rule->offset);

		for (size_t j = 0; j < strv->n; j++)
			if (!rule->is_right(strv->v[j]))
				return tt_yaml_fail(yaml, line, "category '%s': '%s' in '%s': expected %s",
						    category->id, strv->v[j], rule->key, rule->expected);
	}
	return 0;
}

/* Moves from's entries behind to's. */
static int strv_append(struct tt_strv *to, struct tt_strv *from)
{
	char **v;

	if (!from->n)
		return 0;
	v = reallocarray(to->v, to->n + from->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	memcpy(v + to->n, from->v, from->n * sizeof(*v));
	to->v = v;
	to->n += from->n;
	free(from->v);
	*from = (struct tt_strv){ 0 };
	return 0;
}

static int merge(struct tt_config_category *to, struct tt_config_category *from)
{
	for (size_t i = 0; i < ARRAY_SIZE(category_fields); i++) {
		size_t offset = category_fields[i].offset;
		int r;

		if (category_fields[i].type != TT_YAML_STRV)
			continue;
		r = strv_append((struct tt_strv *)((char *)to + offset),
				(struct tt_strv *)((char *)from + offset));
		if (r < 0)
			return r;
	}
	if (from->keeps)
		to->keeps = from->keeps;
	to->place |= from->place;
	if (from->looks)
		to->looks = from->looks;
	if (from->description) {
		free(to->description);
		to->description = TAKE_PTR(from->description);
	}
	tt_yaml_clear(&category_schema, from);
	return 0;
}

static bool is_same(const char *a, const char *b)
{
	return a ? tt_streq(a, b) : !b;
}

/* A category has one rank, whoever's hosts an entry of it has. */
static void set_rank(struct tt_config_categories *categories, const char *id, int rank)
{
	for (size_t i = 0; i < categories->n; i++)
		if (tt_streq(categories->v[i].id, id))
			categories->v[i].rank = rank;
}

static int put_category(struct tt_yaml *yaml, void *object, size_t line, void *arg)
{
	struct tt_config_categories *categories = arg;
	struct tt_config_category *category = object, *grown;
	int r;

	r = check_entries(yaml, category, line);
	if (r < 0)
		return r;
	if (category->rank)
		set_rank(categories, category->id, category->rank);
	for (size_t i = 0; i < categories->n; i++) {
		const struct tt_config_category *known = &categories->v[i];

		if (!tt_streq(known->id, category->id))
			continue;
		if (is_same(known->vendor, category->vendor))
			return merge(&categories->v[i], category);
		category->rank = known->rank;
	}
	if (!category->rank)
		return tt_yaml_fail(yaml, line, "category '%s' is new and needs 'rank'", category->id);
	grown = reallocarray(categories->v, categories->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	categories->v = grown;
	grown[categories->n++] = *category;
	return 0;
}

void tt_config_categories_free(struct tt_config_categories *categories)
{
	if (!categories)
		return;
	for (size_t i = 0; i < categories->n; i++)
		tt_yaml_clear(&category_schema, &categories->v[i]);
	free(categories->v);
	free(categories);
}

TT_DEFINE_CLEANUP(struct tt_config_categories *, tt_config_categories_free)

int tt_config_load_categories(const char *dir, struct tt_config_categories **ret, char **ret_message)
{
	_cleanup_(tt_config_categories_freep) struct tt_config_categories *categories =
		calloc(1, sizeof(*categories));
	int r;

	if (!categories)
		return -ENOMEM;
	r = tt_yaml_load_dir(dir, &category_schema, put_category, categories, ret_message);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(categories);
	return 0;
}
