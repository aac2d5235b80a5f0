/* SPDX-License-Identifier: Apache-2.0 */
/* Each definition is found again by one of its components. */
#include "classify/looks.h"

#include "config/config.h"
#include "glob.h"
#include "util/util.h"

static void add(__u64 *bits, const char *text, size_t len, uint64_t hash)
{
	for (size_t i = 0; i < len; i++)
		hash = TT_LOOK_STEP(hash, text[i]);
	bits[TT_LOOK_BIT(hash) / 64] |= UINT64_C(1) << TT_LOOK_BIT(hash) % 64;
	bits[TT_LOOK_OTHER(hash) / 64] |= UINT64_C(1) << TT_LOOK_OTHER(hash) % 64;
}

/* Hidden, but in every home or repository. */
static const char *const common[] = { ".config", ".local", ".cache", ".git" };

static bool is_telling(const char *part, size_t len)
{
	if (part[0] != '.')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (strlen(common[i]) == len && !memcmp(common[i], part, len))
			return false;
	return true;
}

/* By its last component, if that has no wildcard; else by one on the way to it, rather a hidden directory (.claude) than what is in it
 * (agents), which is what other directories are called as well. */
static bool add_path(struct tt_looks *looks, const char *text)
{
	const char *part = NULL;
	bool telling = false;
	size_t len = 0;

	for (const char *s = text + (text[0] == '~'), *end;; s = end + 1) {
		size_t n;

		end = strchrnul(s, '/');
		n = end - s;
		if (n && !tt_glob_is_pattern(s, n) && (!*end || !telling || is_telling(s, n))) {
			part = s;
			len = n;
			telling = is_telling(s, n);
		}
		if (!*end)
			break;
	}
	if (part)
		add(part[len] ? looks->any : looks->last, part, len, TT_LOOK_NAME);
	return part;
}

static bool add_name(struct tt_looks *looks, const char *text)
{
	size_t len = strlen(text);
	bool literal = !tt_glob_is_pattern(text, len);

	if (!literal && (len < 3 || text[0] != '*' || text[1] != '.' || strchr(text + 2, '.') ||
			 tt_glob_is_pattern(text + 2, len - 2)))
		return false;
	if (literal)
		add(looks->last, text, len, TT_LOOK_NAME);
	else
		add(looks->last, text + 2, len - 2, TT_LOOK_EXTENSION);
	return true;
}

static bool has(const struct tt_strv *strv, const char *text)
{
	for (size_t i = 0; i < strv->n; i++)
		if (tt_streq(strv->v[i], text))
			return true;
	return false;
}

static void add_all(struct tt_looks *looks, const struct tt_strv *strv, const struct tt_strv *except,
		    bool (*add_one)(struct tt_looks *looks, const char *text), const char **open)
{
	for (size_t i = 0; i < strv->n; i++)
		if (!has(except, strv->v[i]) && !add_one(looks, strv->v[i]) && !*open)
			*open = strv->v[i];
}

void tt_looks_make(const struct tt_config_categories *config, struct tt_looks *ret, const char **ret_open)
{
	*ret = (struct tt_looks){ 0 };
	*ret_open = NULL;
	for (size_t i = 0; i < config->n; i++) {
		const struct tt_config_category *category = &config->v[i];

		if (category->looks == 'n')
			continue;
		add_all(ret, &category->paths, &category->routine, add_path, ret_open);
		add_all(ret, &category->names, &category->routine, add_name, ret_open);
	}
	if (*ret_open)
		memset(ret, 0xff, sizeof(*ret));
}
