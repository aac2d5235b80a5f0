/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's filter lets through, computed here as bpf/lib/look.bpf.h does: all that has a category, little else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "classify/classify.h"
#include "classify/looks.h"
#include "config/config.h"
#include "util/util.h"

static struct tt_classifier *shipped;
static struct tt_looks looks;

static int load_shipped(void **state)
{
	struct tt_config_categories *config = NULL;
	const char *open;
	char *message = NULL;
	int r = tt_config_load_categories("config/categories.d", &config, &message);

	if (r < 0)
		fail_msg("%s", message);
	r = tt_classifier_new(config, &shipped);
	tt_looks_make(config, &looks, &open);
	if (open)
		fail_msg("'%s' lets everything pass", open);
	tt_config_categories_free(config);
	return r;
}

static int free_shipped(void **state)
{
	tt_classifier_free(shipped);
	return 0;
}

static bool has(const __u64 *bits, uint64_t h)
{
	return bits[TT_LOOK_BIT(h) / 64] >> TT_LOOK_BIT(h) % 64 &
	       bits[TT_LOOK_OTHER(h) / 64] >> TT_LOOK_OTHER(h) % 64 & 1;
}

static bool passes(const struct tt_looks *of, const char *path)
{
	uint64_t name = TT_LOOK_NAME, extension = 0;
	bool last = false, any = false;

	for (const char *s = path;; s++) {
		if (*s && *s != '/') {
			name = TT_LOOK_STEP(name, *s);
			extension = *s == '.' ? TT_LOOK_EXTENSION : TT_LOOK_STEP(extension, *s);
			continue;
		}
		if (name != TT_LOOK_NAME && name != TT_LOOK_STEP(TT_LOOK_NAME, '.')) {
			last = has(of->last, name) || has(of->last, extension);
			any |= has(of->any, name);
		}
		if (!*s)
			return last || any;
		name = TT_LOOK_NAME;
		extension = 0;
	}
}

static void what_has_a_category_passes(void **state)
{
	static const struct {
		const char *path, *category;
	} cases[] = {
		{ "/etc/localtime", "timezone" },
		{ "/etc/./localtime/", "timezone" },
		{ "/usr/share/zoneinfo", "timezone" },
		{ "/usr/share/zoneinfo/Asia/Shanghai", "timezone" },
		{ "/x/site-packages/pytz/zoneinfo/Asia/Tokyo", "timezone" },
		{ "/home/me/.ssh", "ssh-config" },
		{ "/home/me/.ssh/id_rsa", "credential" },
		{ "/home/me/.ssh/deploy_ed25519", "credential" },
		{ "/root/.aws/credentials", "credential" },
		{ "/root/.netrc", "credential" },
		{ "/srv/old.passwords.kdbx", "credential" },
		{ "/home/me/.config/Bitwarden CLI/data.json", "credential" },
		{ "/home/me/.azure/msal_token_cache.json", "credential" },
		{ "/home/me/.gnupg/private-keys-v1.d", "credential" },
		{ "/home/me/.config/google-chrome", "browser-data" },
		{ "/home/me/.mozilla/firefox/x.default/key4.db", "browser-data" },
		{ "/proc/1/environ", "process-environ" },
		{ "/proc/12/task/13/mem", "process-memory" },
		{ "/proc/self/../12/net/tcp", "network-config" },
		{ "/sys/class/net/eth0/address", "machine-identity" },
		{ "/etc/machine-id", "machine-identity" },
		{ "/w/.git/hooks/pre-commit", "git-hooks" },
		{ "/w/.git/hooks", "git-hooks" },
		{ "/w/.git/config", "git-config" },
		{ "/w/.claude/settings.json", "agent-config" },
		{ "/w/CLAUDE.md", "agent-config" },
		{ "/w/.mcp.json", "mcp-config" },
		{ "/etc/apt/apt.conf.d/99proxy.conf", "proxy" },
		{ "/home/me/.bashrc", "shell-startup" },
		{ "/etc/profile.d/x.sh", "shell-startup" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *category = tt_classify_look(shipped, cases[i].path, "/home/me");

		if (!tt_streq(category, cases[i].category))
			fail_msg("'%s' is '%s', expected '%s'", cases[i].path, category ? category : "(none)",
				 cases[i].category);
		if (!passes(&looks, cases[i].path))
			fail_msg("'%s' does not pass", cases[i].path);
	}
}

/* Every definition, with its wildcards replaced by something: whatever has a category has to pass. */
static void every_definition_passes(void **state)
{
	struct tt_config_categories *config = NULL;
	size_t with_category = 0;

	assert_int_equal(tt_config_load_categories("config/categories.d", &config, NULL), 0);
	for (size_t i = 0; i < config->n; i++) {
		const struct tt_strv *lists[] = { &config->v[i].paths, &config->v[i].names };

		for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
			for (size_t j = 0; j < lists[l]->n; j++) {
				char path[512] = "";
				size_t n = 0;

				if (lists[l]->v[j][0] == '~')
					n = snprintf(path, sizeof(path), "/home/me");
				else if (lists[l]->v[j][0] != '/')
					n = snprintf(path, sizeof(path), "/w/");
				for (const char *s = lists[l]->v[j] + (lists[l]->v[j][0] == '~'); *s; s++) {
					if (*s == '[')
						s = strchr(s, ']');
					path[n++] = *s == '*' || *s == '?' ? 'x'
						    : *s == ']' ? (strstr(path, "zoneinfo") ? 'A' : '1')
								: *s;
				}
				if (!tt_classify_look(shipped, path, NULL))
					continue;
				with_category++;
				if (!passes(&looks, path))
					fail_msg("'%s' (%s) does not pass", path, lists[l]->v[j]);
			}
	}
	tt_config_categories_free(config);
	assert_true(with_category > 300);
}

static void what_means_nothing_does_not_pass(void **state)
{
	static const char *const paths[] = {
		"/usr/lib/node_modules/npm/node_modules/semver/package.json",
		"/usr/lib/node_modules/npm/lib/utils/exit-handler.js",
		"/home/me/src/project/src/main.c",
		"/home/me",
		"/usr/bin/git",
		"/",
		"",
		".",
	};
	size_t passed = 0;
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (passes(&looks, paths[i]))
			fail_msg("'%s' passes", paths[i]);
	for (int i = 0; i < 100000; i++) {
		snprintf(path, sizeof(path), "/w/m%d/dist/n%d.mjs", i, i);
		passed += passes(&looks, path);
	}
	assert_true(passed < 100);
}

static void looks_that_are_routine_have_no_category(void **state)
{
	assert_string_equal(tt_classify_path(shipped, "/etc/ld.so.preload", NULL), "persistence");
	assert_null(tt_classify_look(shipped, "/etc/ld.so.preload", NULL));
	assert_false(passes(&looks, "/etc/ld.so.preload"));
	assert_string_equal(tt_classify_path(shipped, "/w/a.c", NULL), "source");
	assert_null(tt_classify_look(shipped, "/w/a.c", NULL));
	assert_null(tt_classify_look(shipped, NULL, NULL));
	assert_null(tt_classify_look(shipped, "", NULL));
}

static void a_definition_of_nothing_but_wildcards_lets_all_pass(void **state)
{
	static char *names[] = { (char *)"my*" };
	struct tt_config_category category = { .id = (char *)"x",
					       .rank = 1,
					       .names = { .v = names, .n = 1 } };
	struct tt_config_categories config = { .v = &category, .n = 1 };
	struct tt_looks made;
	const char *open;

	tt_looks_make(&config, &made, &open);
	assert_string_equal(open, "my*");
	assert_true(passes(&made, "/any/path"));

	category.looks = 'n';
	tt_looks_make(&config, &made, &open);
	assert_null(open);
	assert_false(passes(&made, "/any/path"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_a_category_passes),
		cmocka_unit_test(every_definition_passes),
		cmocka_unit_test(what_means_nothing_does_not_pass),
		cmocka_unit_test(looks_that_are_routine_have_no_category),
		cmocka_unit_test(a_definition_of_nothing_but_wildcards_lets_all_pass),
	};

	return cmocka_run_group_tests(tests, load_shipped, free_shipped);
}
