/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of interpreters: what is an option, what is an option's value, and what is the script.
 *
 * An option that a table lacks counts as one without a value. Its value would then pass for the script, which
 * is looked up as a file and not found: a missed agent, never a wrong one. */
#include "process/script.h"

#include <fnmatch.h>

#include "util/util.h"

typedef const char *const words[];

struct syntax {
	const char *kind;
	const char *const *values; /* options whose value is the next argument */
	const char *const *no_script; /* options after which nothing is a script file */
	const char *const *run; /* subcommands whose argument is the script */
	const char *const *commands; /* subcommands that run none, or another process */
};

static const char *const nothing[] = { NULL };

static const struct syntax syntaxes[] = {
	{ "node",
	  (words){ "-r",
		   "--require",
		   "--import",
		   "--loader",
		   "--experimental-loader",
		   "-C",
		   "--conditions",
		   "--env-file",
		   "--env-file-if-exists",
		   "--icu-data-dir",
		   "--input-type",
		   "--inspect-port",
		   "--debug-port",
		   "--title",
		   "--redirect-warnings",
		   "--report-dir",
		   "--report-directory",
		   "--report-filename",
		   "--report-signal",
		   "--diagnostic-dir",
		   "--dns-result-order",
		   "--tls-cipher-list",
		   "--tls-keylog",
		   "--trace-event-categories",
		   "--trace-event-file-pattern",
		   "--unhandled-rejections",
		   "--openssl-config",
		   "--secure-heap",
		   "--secure-heap-min",
		   "--watch-path",
		   "--heapsnapshot-signal",
		   "--heap-prof-dir",
		   "--heap-prof-name",
		   "--cpu-prof-dir",
		   "--cpu-prof-name",
		   "--cpu-prof-interval",
		   "--localstorage-file",
		   "--allow-fs-read",
		   "--allow-fs-write",
		   "--disable-warning",
		   "--disable-proto",
		   "--max-http-header-size",
		   "--experimental-config-file",
		   "--es-module-specifier-resolution",
		   NULL },
	  (words){ "-e",
		   "--eval",
		   "-p",
		   "--print",
		   "-pe",
		   "-c",
		   "--check",
		   "-v",
		   "--version",
		   "-h",
		   "--help",
		   "--v8-options",
		   "--completion-bash",
		   "--run",
		   "--test",
		   "--build-snapshot",
		   "--experimental-sea-config",
		   "--build-sea",
		   "-i",
		   "--interactive",
		   NULL },
	  nothing, nothing },
	{ "bun",
	  (words){ "-r",
		   "--preload",
		   "--require",
		   "--import",
		   "--cwd",
		   "-c",
		   "--config",
		   "-d",
		   "--define",
		   "-l",
		   "--loader",
		   "--env-file",
		   "--conditions",
		   "-F",
		   "--filter",
		   "--port",
		   "--shell",
		   "--tsconfig-override",
		   "--main-fields",
		   "--extension-order",
		   "--title",
		   NULL },
	  (words){ "-e", "--eval", "-p", "--print", "-v", "--version", "--revision", "-h", "--help", NULL },
	  (words){ "run", NULL },
	  (words){ "x",	      "i",	"install", "a",	      "add",   "rm",   "remove", "update", "outdated",
		   "link",    "unlink", "pm",	   "publish", "build", "test", "init",	 "create", "c",
		   "upgrade", "exec",	"repl",	   "patch",   "audit", "info", "why",	 NULL } },
	{ "deno",
	  (words){ "-c", "--config", "--import-map", "--lock", "--cert", "--location", "--seed", "-L",
		   "--log-level", "--ext", "--preload", NULL },
	  (words){ "-V", "--version", "-h", "--help", NULL }, (words){ "run", "serve", NULL },
	  (words){ "add",      "bench",	      "bundle",	  "cache",   "check", "clean",
		   "compile",  "completions", "coverage", "doc",     "eval",  "fmt",
		   "info",     "init",	      "install",  "jupyter", "lint",  "lsp",
		   "outdated", "publish",     "remove",	  "repl",    "task",  "test",
		   "types",    "uninstall",   "upgrade",  "vendor",  "x",     NULL } },
	{ "java",
	  (words){ "-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens",
		   "--add-exports", "--add-reads", NULL },
	  (words){ "-m", "--module", "-version", "--version", "-h", "-help", "--help", NULL }, nothing,
	  nothing },
	{ "", nothing, nothing, nothing, nothing },
};

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(text, *list))
			return true;
	return false;
}

const char *tt_script_kind(const char *name)
{
	static const struct {
		const char *pattern, *kind;
	} kinds[] = {
		{ "node", "node" },	      { "nodejs", "node" },
		{ "node[0-9]*", "node" },     { "bun", "bun" },
		{ "deno", "deno" },	      { "python", "python" },
		{ "python[0-9]*", "python" }, { "pypy*", "python" },
		{ "java", "java" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!fnmatch(kinds[i].pattern, name, 0))
			return kinds[i].kind;
	return NULL;
}

static struct tt_script script_at(const char *const *argv, size_t i)
{
	if (!argv[i] || !*argv[i])
		return (struct tt_script){ 0 };
	return (struct tt_script){ .index = i, .text = argv[i] };
}

/* Python's options are letters that can be joined: -Bum aider, -Wignore. */
static struct tt_script find_python(const char *const *argv)
{
	for (size_t i = 1; argv[i]; i++) {
		const char *option = argv[i] + 1;

		if (argv[i][0] != '-')
			return script_at(argv, i);
		if (!strcmp(argv[i], "--check-hash-based-pycs") && argv[i + 1])
			i++;
		if (*option == '-')
			continue;
		if (!*option)
			break;
		option += strcspn(option, "cmWXQVh");
		if (*option == 'm') {
			const char *module = option[1] ? option + 1 : argv[++i];

			if (!module || !*module)
				break;
			return (struct tt_script){ .index = i, .text = module, .is_module = true };
		}
		if (*option == 'c' || *option == 'V' || *option == 'h')
			break;
		if (*option && !option[1] && argv[i + 1])
			i++;
	}
	return (struct tt_script){ 0 };
}

static const struct syntax *find_syntax(const char *kind)
{
	const struct syntax *s = syntaxes;

	if (!strcmp(kind, "electron"))
		kind = "node";
	while (*s->kind && strcmp(s->kind, kind) != 0)
		s++;
	return s;
}

struct tt_script tt_script_find(const char *kind, const char *const *argv)
{
	const struct syntax *s = find_syntax(kind);
	bool command = false;

	if (!argv || !argv[0])
		return (struct tt_script){ 0 };
	if (!strcmp(kind, "python"))
		return find_python(argv);

	for (size_t i = 1; argv[i]; i++) {
		if (!strcmp(argv[i], "--"))
			return script_at(argv, i + 1);
		if (!strcmp(argv[i], "-") || is_one_of(argv[i], s->no_script))
			break;
		if (!strcmp(s->kind, "java") && !strcmp(argv[i], "-jar"))
			return script_at(argv, i + 1);
		if (is_one_of(argv[i], s->values)) {
			if (!argv[++i])
				break;
			continue;
		}
		if (argv[i][0] == '-')
			continue;
		if (!command && is_one_of(argv[i], s->commands))
			break;
		if (!command && is_one_of(argv[i], s->run)) {
			command = true;
			continue;
		}
		/* What java is given without -jar is a class, not a file. */
		return !strcmp(s->kind, "java") ? (struct tt_script){ 0 } : script_at(argv, i);
	}
	return (struct tt_script){ 0 };
}
