/* SPDX-License-Identifier: Apache-2.0 */
/* agent/sensor/command.c: what a command line executes, in a made-up tree. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "sensor/command.h"
#include "tree.h"

#define ELF "\177ELF" /* as far as the resolver looks */

/* bin: env, node, sh; other: node, tool; work: where commands start */
static int setup(void **state)
{
	struct tree *tree;
	char script[PATH_MAX + 64];
	static const struct {
		const char *name, *format; /* %s: the root */
	} scripts[] = {
		{ "/bin/direct", "#!%s/bin/node\nrest" },
		{ "/bin/spaced", "#! \t%s/bin/node  --flag x \t\nrest" },
		{ "/bin/by-env", "#!%s/bin/env node\n" },
		{ "/bin/by-env-s", "#!%s/bin/env -S FOO=1 -u BAR node --flag\n" },
		{ "/bin/by-env-vs", "#!%s/bin/env -vSnode --flag\n" },
		{ "/bin/by-env-path", "#!%s/bin/env -S PATH=/nowhere node\n" },
		{ "/bin/nested", "#!%s/bin/by-env\n" },
		{ "/bin/self", "#!%s/bin/self\n" },
		{ "/bin/env-only", "#!%s/bin/env\n" },
		{ "/bin/no-interp", "#!  \n%s" },
		{ "/bin/gone-interp", "#!%s/bin/gone\n" },
		{ "/project/relative", "#!../bin/node\n%s" },
	};

	if (tree_setup(state))
		return -1;
	tree = *state;
	tree_text(tree, "/bin/env", 0755, ELF);
	tree_text(tree, "/bin/node", 0755, ELF);
	tree_text(tree, "/other/node", 0755, ELF);
	tree_text(tree, "/other/tool", 0755, ELF);
	tree_text(tree, "/bin/tool", 0644, "not executable");
	tree_text(tree, "/bin/data", 0644, "not executable");
	tree_text(tree, "/bin/dir/x", 0644, "");
	tree_text(tree, "/project/here", 0755, ELF);
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(script, sizeof(script), scripts[i].format, tree->root);
#pragma GCC diagnostic pop
		tree_text(tree, scripts[i].name, 0755, script);
	}
	return 0;
}

/* The chain as text, without the root: "/bin/env /bin/node" */
static int resolve(struct tree *tree, const char *const *argv, char *text, size_t size)
{
	_cleanup_(tt_command_chain_done) struct tt_command_chain chain = { .n = 0 };
	char path[PATH_MAX * 2 + 64];
	size_t len = 0;
	int r;

	snprintf(path, sizeof(path), "%s/bin:%s/other", tree->root, tree->root);
	r = tt_command_resolve(argv, path, tree_path(tree, "/project"), &chain);
	text[0] = '\0';
	for (size_t i = 0; i < chain.n; i++) {
		assert_memory_equal(chain.files[i], tree->root, strlen(tree->root));
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? " " : "",
					chain.files[i] + strlen(tree->root));
	}
	return r;
}

static void commands_lead_to_what_finally_runs(void **state)
{
	static const struct {
		const char *argv[8];
		const char *want;
		int result;
	} cases[] = {
		{ { "node" }, "/bin/node", 0 },
		{ { "node", "/bin/direct" }, "/bin/node", 0 },
		{ { "tool" }, "/other/tool", 0 },
		{ { "./here" }, "/project/./here", 0 },
		{ { "direct" }, "/bin/direct /bin/node", 0 },
		{ { "spaced" }, "/bin/spaced /bin/node", 0 },
		{ { "by-env" }, "/bin/by-env /bin/env /bin/node", 0 },
		{ { "by-env-s" }, "/bin/by-env-s /bin/env /bin/node", 0 },
		{ { "by-env-vs" }, "/bin/by-env-vs /bin/env /bin/node", 0 },
		{ { "by-env-path" }, "/bin/by-env-path /bin/env", -ENOENT },
		{ { "nested" }, "/bin/nested /bin/by-env /bin/env /bin/node", 0 },
		{ { "../project/relative" }, "/project/../project/relative /project/../bin/node", 0 },
		{ { "env" }, "/bin/env", 0 },
		{ { "env", "A=1", "-i", "--", "B=2", "node", "x" }, "/bin/env /bin/node", 0 },
		{ { "env", "-u", "node", "direct" }, "/bin/env /bin/direct /bin/node", 0 },
		{ { "env", "-S", "node -x", "y" }, "/bin/env /bin/node", 0 },
		{ { "env", "--split-string=env node" }, "/bin/env /bin/env /bin/node", 0 },
		{ { "env", "-u" }, "/bin/env", -ENOENT },
		{ { "env", "-S" }, "/bin/env", -ENOENT },
		{ { "nothing" }, "", -ENOENT },
		{ { "data" }, "", -EACCES },
		{ { "dir" }, "", -EACCES },
		{ { "" }, "", -ENOENT },
		{ { NULL }, "", -ENOENT },
		{ { "no-interp" }, "/bin/no-interp", -ENOENT },
		{ { "gone-interp" }, "/bin/gone-interp", -ENOENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024];

		assert_int_equal(resolve(*state, cases[i].argv, text, sizeof(text)), cases[i].result);
		assert_string_equal(text, cases[i].want);
	}
}

static void circles_end(void **state)
{
	static const char *const self[] = { "self", NULL }, *const env_only[] = { "env-only", NULL };
	char text[4096];

	assert_int_equal(resolve(*state, self, text, sizeof(text)), -ELOOP);
	assert_string_equal(text, "/bin/self /bin/self /bin/self /bin/self /bin/self /bin/self");
	assert_int_equal(resolve(*state, env_only, text, sizeof(text)), -ELOOP);
}

static void an_empty_path_element_is_the_current_directory(void **state)
{
	struct tree *tree = *state;
	_cleanup_free_ char *found = NULL;

	assert_int_equal(tt_command_find("here", "/nowhere::/else", tree_path(tree, "/project"), &found), 0);
	assert_string_equal(found, tree_path(tree, "/project/here"));
}

static void a_line_longer_than_the_kernel_reads_is_no_trouble(void **state)
{
	static const char *const argv[] = { "long", NULL };
	struct tree *tree = *state;
	char script[1024], text[1024];

	memset(script, 'x', sizeof(script));
	memcpy(script, "#!/", 3);
	tree_write(tree, "/bin/long", 0755, script, sizeof(script));

	assert_int_equal(resolve(tree, argv, text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "/bin/long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(commands_lead_to_what_finally_runs, setup, tree_teardown),
		cmocka_unit_test_setup_teardown(circles_end, setup, tree_teardown),
		cmocka_unit_test_setup_teardown(an_empty_path_element_is_the_current_directory, setup,
						tree_teardown),
		cmocka_unit_test_setup_teardown(a_line_longer_than_the_kernel_reads_is_no_trouble, setup,
						tree_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
