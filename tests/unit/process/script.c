/* SPDX-License-Identifier: Apache-2.0 */
#include "process/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/util.h"

struct example {
	const char *kind;
	const char *argv[8];
	const char *text; /* NULL: no script; "-m NAME": a module */
};

static void check(const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tt_script script = tt_script_find(examples[i].kind, examples[i].argv);
		const char *want = examples[i].text ? examples[i].text : "(none)";

		assert_int_equal(script.is_module, !strncmp(want, "-m ", 3));
		assert_string_equal(script.text ? script.text : "(none)", want + 3 * script.is_module);
		assert_int_equal(script.index > 0, examples[i].text != NULL);
	}
}

static void node_options_are_told_from_the_script(void **state)
{
	static const struct example examples[] = {
		{ "node", { "node", "cli.js" }, "cli.js" },
		{ "node", { "node", "--max-old-space-size=4096", "/a/cli.js", "-p" }, "/a/cli.js" },
		{ "node", { "node", "-r", "./hook.js", "cli.js" }, "cli.js" },
		{ "node", { "node", "--import", "tsx", "--no-warnings", "cli.ts" }, "cli.ts" },
		{ "node", { "node", "--require=./hook.js", "cli.js", "-r", "x" }, "cli.js" },
		{ "node", { "node", "--", "-odd.js" }, "-odd.js" },
		{ "node", { "node", "-e", "require('x')", "cli.js" }, NULL },
		{ "node", { "node", "-p", "1" }, NULL },
		{ "node", { "node", "-" }, NULL },
		{ "node", { "node", "--version" }, NULL },
		{ "node", { "node" }, NULL },
		{ "node", { "node", "-r" }, NULL },
		{ "node", { "node", "" }, NULL },
		{ "node", { NULL }, NULL },
		{ "electron", { "code", "/opt/cli.js", "x" }, "/opt/cli.js" },
	};

	check(examples, ARRAY_SIZE(examples));
}

static void bun_and_deno_subcommands_are_no_scripts(void **state)
{
	static const struct example examples[] = {
		{ "bun", { "bun", "cli.ts" }, "cli.ts" },
		{ "bun", { "bun", "run", "cli.ts", "install" }, "cli.ts" },
		{ "bun", { "bun", "run", "--cwd", "/x", "install" }, "install" },
		{ "bun", { "bun", "x", "cowsay" }, NULL },
		{ "bun", { "bun", "install" }, NULL },
		{ "bun", { "bun", "-e", "1" }, NULL },
		{ "deno", { "deno", "run", "-A", "npm:@google/gemini-cli" }, "npm:@google/gemini-cli" },
		{ "deno", { "deno", "run", "--config", "d.json", "a.ts" }, "a.ts" },
		{ "deno", { "deno", "a.ts" }, "a.ts" },
		{ "deno", { "deno", "eval", "1" }, NULL },
	};

	check(examples, ARRAY_SIZE(examples));
}

static void python_modules_and_scripts_are_told_apart(void **state)
{
	static const struct example examples[] = {
		{ "python", { "python3", "/usr/bin/aider", "-m", "hi" }, "/usr/bin/aider" },
		{ "python", { "python3", "-m", "aider", "--yes" }, "-m aider" },
		{ "python", { "python3", "-Bum", "aider" }, "-m aider" },
		{ "python", { "python3", "-maider" }, "-m aider" },
		{ "python", { "python3", "-X", "utf8", "-W", "ignore", "a.py" }, "a.py" },
		{ "python", { "python3", "-Xutf8", "-Wignore", "a.py" }, "a.py" },
		{ "python", { "python3", "-c", "import aider", "a.py" }, NULL },
		{ "python", { "python3", "-Bc", "import aider" }, NULL },
		{ "python", { "python3", "-m" }, NULL },
		{ "python", { "python3", "-" }, NULL },
		{ "python", { "python3", "-V" }, NULL },
		{ "python", { "python3" }, NULL },
	};

	check(examples, ARRAY_SIZE(examples));
}

static void java_runs_jars_and_other_kinds_their_first_word(void **state)
{
	static const struct example examples[] = {
		{ "java", { "java", "-Xmx1g", "-jar", "a.jar" }, "a.jar" },
		{ "java", { "java", "-cp", "x.jar", "com.example.Main" }, NULL },
		{ "other", { "ruby", "-w", "a.rb" }, "a.rb" },
	};

	check(examples, ARRAY_SIZE(examples));
}

static void kinds_are_known_by_name(void **state)
{
	static const struct {
		const char *name, *kind;
	} cases[] = {
		{ "node", "node" },	    { "nodejs", "node" },   { "node22", "node" },
		{ "python3.12", "python" }, { "python", "python" }, { "bun", "bun" },
		{ "nodemon", NULL },	    { "pythonista", NULL }, { "bash", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *kind = tt_script_kind(cases[i].name);

		assert_string_equal(kind ? kind : "(none)", cases[i].kind ? cases[i].kind : "(none)");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(node_options_are_told_from_the_script),
		cmocka_unit_test(bun_and_deno_subcommands_are_no_scripts),
		cmocka_unit_test(python_modules_and_scripts_are_told_apart),
		cmocka_unit_test(java_runs_jars_and_other_kinds_their_first_word),
		cmocka_unit_test(kinds_are_known_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
