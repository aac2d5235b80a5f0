/* SPDX-License-Identifier: Apache-2.0 */
/* Each test lays out a small file system, says what was executed, and asks who it was. */
#include "process/identify.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "config/config.h"
#include "process/procfs.h"
#include "unit/process/fixture.h"
#include "util/util.h"

#define STRV(...)                                                                                            \
	{                                                                                                    \
		.v = (char *[]){ __VA_ARGS__ }, .n = sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)      \
	}
#define S(text) ((char *)(text))

/* File scope: what STRV points to lives as long as the program. (char *) is what the loader makes. */
static struct tt_config_agent agents[] = {
	{
		.id = S("claude-code"),
		.binaries = STRV(S("claude"), S("claude.exe")),
		.packages = STRV(S("@anthropic-ai/claude-code"), S("@anthropic-ai/claude-code-*")),
		.paths = STRV(S("~/.local/share/claude/versions/*")),
		.version_paths = STRV(S("~/.local/share/claude/versions/{version}")),
		.extensions = STRV(S("anthropic.claude-code-*")),
		.prompt_args = STRV(S("-p"), S("*")),
	},
	{ .id = S("gemini-cli"), .binaries = STRV(S("gemini")), .packages = STRV(S("@google/gemini-cli")) },
	{ .id = S("codex"), .binaries = STRV(S("codex")), .packages = STRV(S("@openai/codex")) },
	{ .id = S("aider"), .python = STRV(S("aider"), S("aider-chat")) },
	{ .id = S("goose"), .binaries = STRV(S("goose?")), .markers = STRV(S("GOOSE_PROVIDER")) },
	{
		.id = S("cursor"),
		.binaries = STRV(S("cursor")),
		.version_files = STRV(S("resources/app/package.json")),
		.extensions = STRV(S("cursor-*")),
		.editor = true,
	},
};
static struct tt_config_runtime runtimes[] = {
	{ .name = S("node"), .kind = S("node") },	{ .name = S("bun"), .kind = S("bun") },
	{ .name = S("python3*"), .kind = S("python") }, { .name = S("code"), .kind = S("electron") },
	{ .name = S("deno"), .kind = S("deno") },
};
static struct tt_config_agents config = { agents, ARRAY_SIZE(agents), runtimes, ARRAY_SIZE(runtimes) };

struct subject {
	struct tt_procfs *fs;
	struct tt_identify *id;
};

static void subject_init(struct subject *s)
{
	assert_int_equal(tt_procfs_new(fixture_path("/proc"), &s->fs), 0);
	assert_int_equal(tt_identify_new(&config, s->fs, &s->id), 0);
}

static void subject_done(struct subject *s)
{
	tt_identify_free(s->id);
	tt_procfs_free(s->fs);
}

struct example {
	const char *exe, *filename, *interp;
	const char *argv[8];
	const char *agent, *version, *how; /* "-": none */
};

static struct tt_exec_facts facts_of(const struct example *e)
{
	return (struct tt_exec_facts){ .pid = FIXTURE_PID,
				       .exe = e->exe,
				       .filename = e->filename,
				       .interp = *e->interp ? e->interp : NULL,
				       .cwd = "/home/u/project",
				       .argv = e->argv };
}

static const char *or_none(const char *text)
{
	return text ? text : "-";
}

static void check(struct subject *s, const struct example *e)
{
	_cleanup_(tt_identity_done) struct tt_identity identity = { 0 };
	struct tt_exec_facts facts = facts_of(e);

	assert_int_equal(tt_identify_exec(s->id, &facts, &identity), 0);
	assert_string_equal(identity.agent ? identity.agent->id : "-", e->agent);
	assert_string_equal(or_none(identity.version), e->version);
	assert_string_equal(or_none(identity.how), e->how);
}

static void check_all(const struct example *examples, size_t n)
{
	_cleanup_(subject_done) struct subject s = { 0 };

	subject_init(&s);
	/* Twice: the second answer comes from the cache. */
	for (size_t i = 0; i < 2 * n; i++)
		check(&s, &examples[i % n]);
}

#define GEMINI "/usr/lib/node_modules/@google/gemini-cli"

static void lay_out_node(void)
{
	fixture_file("/root/usr/bin/node", "node");
	fixture_file("/root" GEMINI "/package.json",
		     "{\"name\":\"@google/gemini-cli\",\"version\":\"0.61.0\",\"bin\":{\"gemini\":\"bundle/"
		     "gemini.js\"},"
		     "\"scripts\":{\"postinstall\":\"node install.js\",\"start\":\"node bundle/dev.js\"}}");
	fixture_file("/root" GEMINI "/bundle/gemini.js", "#!/usr/bin/env node\n// gemini\n");
	fixture_file("/root" GEMINI "/bundle/package.json", "{\"type\":\"module\"}");
	fixture_file("/root" GEMINI "/bundle/dev.js", "");
	fixture_file("/root" GEMINI "/install.js", "");
	fixture_file("/root" GEMINI "/node_modules/left-pad/package.json", "{\"name\":\"left-pad\"}");
	fixture_file("/root" GEMINI "/node_modules/left-pad/cli.js", "");
	fixture_link("/root/usr/bin/gemini", "../lib/node_modules/@google/gemini-cli/bundle/gemini.js");
	fixture_file("/root/usr/lib/node_modules/npm/package.json",
		     "{\"name\":\"npm\",\"version\":\"10.0.0\"}");
	fixture_file("/root/usr/lib/node_modules/npm/bin/npx-cli.js", "");
	fixture_file("/root/home/u/project/package.json",
		     "{\"name\":\"my-gemini-plugin\",\"version\":\"9.9.9\"}");
	fixture_file("/root/home/u/project/build.js", "");
	fixture_file("/root/home/u/project/claude/index.js", "");
	fixture_file("/root/home/u/project/broken/package.json", "{\"name\":");
	fixture_file("/root/home/u/project/broken/x.js", "");
}

static void node_is_what_its_script_belongs_to(void **state)
{
	static const struct example examples[] = {
		/* shebang through env, link in the path */
		{ "/usr/bin/node",
		  "/usr/bin/node",
		  "",
		  { "node", "/usr/bin/gemini", "-p", "x" },
		  "gemini-cli",
		  "0.61.0",
		  "package" },
		{ "/usr/bin/node",
		  "/usr/bin/gemini",
		  "/usr/bin/node",
		  { "/usr/bin/node", "/usr/bin/gemini" },
		  "gemini-cli",
		  "0.61.0",
		  "package" },
		{ "/usr/bin/node",
		  "node",
		  "",
		  { "node", "--no-warnings", "--max-old-space-size=99", GEMINI "/bundle/gemini.js" },
		  "gemini-cli",
		  "0.61.0",
		  "package" },
		{ "/usr/bin/node",
		  "node",
		  "",
		  { "node", "-r", "./hook.js", GEMINI "/bundle/gemini" },
		  "gemini-cli",
		  "0.61.0",
		  "package" },
		{ "/usr/bin/node",
		  "node",
		  "",
		  { "node", "../../../usr/bin/gemini" },
		  "gemini-cli",
		  "0.61.0",
		  "package" },
		{ "/usr/bin/node", "node", "", { "node", GEMINI }, "gemini-cli", "0.61.0", "package" },
		{ "/usr/bin/node",
		  "node",
		  "",
		  { "node", GEMINI "/bundle/dev.js" },
		  "gemini-cli",
		  "0.61.0",
		  "package" },
		{ "/usr/bin/bun",
		  "bun",
		  "",
		  { "bun", "run", "/usr/bin/gemini" },
		  "gemini-cli",
		  "0.61.0",
		  "package" },
		{ "/usr/bin/deno",
		  "deno",
		  "",
		  { "deno", "run", "-A", "npm:@google/gemini-cli@0.60.1" },
		  "gemini-cli",
		  "0.60.1",
		  "package" },
	};

	lay_out_node();
	check_all(examples, ARRAY_SIZE(examples));
}

static void a_package_json_that_changed_changes_the_answer(void **state)
{
	static const struct {
		const char *package, *agent, *version, *how;
	} steps[] = {
		{ NULL, "-", "-", "-" },
		{ "{\"name\":\"@google/gemini-cli\",\"version\":\"1.0.0\"}", "gemini-cli", "1.0.0",
		  "package" },
		{ "{\"name\":\"@google/gemini-cli\",\"version\":\"1.0.10\"}", "gemini-cli", "1.0.10",
		  "package" },
	};
	_cleanup_(subject_done) struct subject s = { 0 };

	fixture_file("/root/usr/bin/node", "node");
	fixture_file("/root/opt/some/tool/cli.js", "");
	subject_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (steps[i].package)
			fixture_file("/root/opt/some/package.json", steps[i].package);
		/* a script that nobody touched */
		check(&s, &(struct example){ "/usr/bin/node",
					     "/usr/bin/node",
					     "",
					     { "node", "/opt/some/tool/cli.js" },
					     steps[i].agent,
					     steps[i].version,
					     steps[i].how });
	}
}

static void node_programs_of_other_packages_are_no_agents(void **state)
{
	static const struct example examples[] = {
		{ "/usr/bin/node", "node", "", { "node", "build.js" }, "-", "-", "-" },
		{ "/usr/bin/node", "node", "", { "node", "claude" }, "-", "-", "-" },
		{ "/usr/bin/node", "node", "", { "node", "broken/x.js" }, "-", "-", "-" },
		{ "/usr/bin/node", "node", "", { "node", "-e", "0", "/usr/bin/gemini" }, "-", "-", "-" },
		{ "/usr/bin/node", "node", "", { "node" }, "-", "-", "-" },
		{ "/usr/bin/node", "node", "", { "node", "/no/such/gemini.js" }, "-", "-", "-" },
		/* the package's own installation, and what it depends on */
		{ "/usr/bin/node", "node", "", { "node", GEMINI "/install.js" }, "-", "-", "-" },
		{ "/usr/bin/node",
		  "node",
		  "",
		  { "node", GEMINI "/node_modules/left-pad/cli.js" },
		  "-",
		  "-",
		  "-" },
		/* npx is not what it runs: that is the next exec */
		{ "/usr/bin/node",
		  "node",
		  "",
		  { "node", "/usr/lib/node_modules/npm/bin/npx-cli.js", "gemini" },
		  "-",
		  "-",
		  "-" },
		{ "/usr/bin/bun", "bun", "", { "bun", "x", "@google/gemini-cli" }, "-", "-", "-" },
		{ "/usr/bin/deno", "deno", "", { "deno", "run", "npm:cowsay" }, "-", "-", "-" },
	};

	lay_out_node();
	check_all(examples, ARRAY_SIZE(examples));
}

#define CLAUDE "/home/u/.local/share/claude/versions/2.1.113"

static void native_programs_are_known_by_path_package_and_name(void **state)
{
	static const struct example examples[] = {
		{ CLAUDE, "/home/u/.local/bin/claude", "", { "claude" }, "claude-code", "2.1.113", "path" },
		{ CLAUDE, CLAUDE, "", { CLAUDE, "-p" }, "claude-code", "2.1.113", "path" },
		{ "/usr/lib/node_modules/@anthropic-ai/claude-code/bin/claude.exe",
		  "claude",
		  "",
		  { "claude" },
		  "claude-code",
		  "2.1.197",
		  "package" },
		{ "/usr/lib/node_modules/@openai/codex/vendor/x/bin/codex",
		  "codex",
		  "",
		  { "codex" },
		  "codex",
		  "0.169.0",
		  "package" },
		{ "/opt/bin/codex", "/opt/bin/codex", "", { "codex" }, "codex", "-", "binary" },
		{ "/opt/bin/x1", "/usr/bin/codex", "", { "codex" }, "codex", "-", "binary" },
	};

	fixture_file("/root" CLAUDE, "x");
	fixture_file("/root/usr/lib/node_modules/@anthropic-ai/claude-code/package.json",
		     "{\"name\":\"@anthropic-ai/"
		     "claude-code\",\"version\":\"2.1.197\",\"bin\":{\"claude\":\"bin/claude.exe\"}}");
	fixture_file("/root/usr/lib/node_modules/@openai/codex/package.json",
		     "{\"name\":\"@openai/codex\",\"version\":\"0.169.0-linux-x64\"}");
	check_all(examples, ARRAY_SIZE(examples));
}

static void names_alone_do_not_make_an_agent(void **state)
{
	static const struct example examples[] = {
		/* a shell script named claude: what it execs in the end counts */
		{ "/usr/bin/dash",
		  "/usr/local/bin/claude",
		  "/bin/sh",
		  { "/bin/sh", "/usr/local/bin/claude" },
		  "-",
		  "-",
		  "-" },
		{ "/usr/bin/cat", "/usr/bin/cat", "", { "cat", "claude" }, "-", "-", "-" },
		{ "/home/u/claude/tool", "./claude/tool", "", { "claude/tool" }, "-", "-", "-" },
		{ "/usr/bin/sleep", "sleep", "", { "claude", "5" }, "-", "-", "-" },
		/* a common word without a second sign */
		{ "/usr/bin/goose", "goose", "", { "goose", "up" }, "-", "-", "-" },
		/* a tool that an agent's package brings along */
		{ "/usr/lib/node_modules/@openai/codex/vendor/path/rg", "rg", "", { "rg" }, "-", "-", "-" },
	};

	fixture_file("/root/usr/lib/node_modules/@openai/codex/package.json",
		     "{\"name\":\"@openai/codex\",\"version\":\"0.169.0\"}");
	fixture_file("/root/usr/bin/goose", "x");
	check_all(examples, ARRAY_SIZE(examples));
}

static void python_programs_are_known_by_module_and_console_script(void **state)
{
	static const struct example examples[] = {
		{ "/usr/bin/python3.11",
		  "/home/u/venv/bin/python",
		  "",
		  { "python", "-m", "aider" },
		  "aider",
		  "0.86.2",
		  "python" },
		{ "/usr/bin/python3.11",
		  "/home/u/venv/bin/aider",
		  "/home/u/venv/bin/python",
		  { "/home/u/venv/bin/python", "/home/u/venv/bin/aider" },
		  "aider",
		  "0.86.2",
		  "python" },
		{ "/usr/bin/python3.11", "python3", "", { "python3", "-c", "import aider" }, "-", "-", "-" },
		{ "/usr/bin/python3.11", "python3", "", { "python3", "-m", "aiderlint" }, "-", "-", "-" },
		{ "/usr/bin/python3.11",
		  "python3",
		  "",
		  { "python3", "/home/u/project/aider" },
		  "-",
		  "-",
		  "-" },
		{ "/usr/bin/python3.11",
		  "python3",
		  "",
		  { "python3", "-m", "pip", "install", "aider" },
		  "-",
		  "-",
		  "-" },
	};

	fixture_file(
		"/root/home/u/venv/bin/aider",
		"#!/home/u/venv/bin/python\nimport sys\nfrom aider.main import main\nsys.exit(main())\n");
	fixture_file("/root/home/u/venv/lib/python3.11/site-packages/Aider_Chat-0.86.2.dist-info/METADATA",
		     "");
	fixture_file("/root/home/u/project/aider",
		     "# helps my sister\nprint('aider')\nfrom aiderlint import x\n");
	check_all(examples, ARRAY_SIZE(examples) - 2);
	check_all(examples + ARRAY_SIZE(examples) - 1, 1);
}

/* ---- native builds */

struct native {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;
	Elf64_Shdr shdr[3];
	uint32_t note[4];
	unsigned char id[20];
	char names[20];
	char rodata[64];
};

static void write_native(const char *path, unsigned char id, const char *marker, size_t size)
{
	struct native n = { 0 };
	FILE *f;

	memcpy(n.ehdr.e_ident, ELFMAG, SELFMAG);
	n.ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	n.ehdr.e_ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	n.ehdr.e_phoff = offsetof(struct native, phdr);
	n.ehdr.e_phentsize = sizeof(Elf64_Phdr);
	n.ehdr.e_phnum = 1;
	n.ehdr.e_shoff = offsetof(struct native, shdr);
	n.ehdr.e_shentsize = sizeof(Elf64_Shdr);
	n.ehdr.e_shnum = 3;
	n.ehdr.e_shstrndx = 1;
	n.phdr = (Elf64_Phdr){ .p_type = PT_NOTE,
			       .p_offset = offsetof(struct native, note),
			       .p_filesz = sizeof(n.note) + sizeof(n.id) };
	n.shdr[1] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
				  .sh_offset = offsetof(struct native, names),
				  .sh_size = sizeof(n.names) };
	n.shdr[2] = (Elf64_Shdr){ .sh_name = 1,
				  .sh_type = SHT_PROGBITS,
				  .sh_offset = offsetof(struct native, rodata),
				  .sh_size = sizeof(n.rodata) };
	strcpy(n.names + 1, ".rodata");
	strcpy(n.rodata + 3, marker);
	n.note[0] = 4;
	n.note[1] = sizeof(n.id);
	n.note[2] = NT_GNU_BUILD_ID;
	memcpy(&n.note[3], "GNU", 4);
	memset(n.id, id, sizeof(n.id));

	fixture_parents(path);
	f = fopen(fixture_path(path), "we");
	assert_non_null(f);
	assert_int_equal(fwrite(&n, sizeof(n), 1, f), 1);
	assert_int_equal(fflush(f), 0);
	assert_int_equal(ftruncate(fileno(f), (off_t)size), 0);
	fclose(f);
}

#define BIG ((size_t)20 << 20)

static void a_renamed_copy_of_a_build_seen_before_is_recognised(void **state)
{
	static const struct example original = { CLAUDE,	"claude",  "",	  { "claude" },
						 "claude-code", "2.1.113", "path" };
	static const struct example copy = { "/tmp/innocent", "/tmp/innocent", "",	  { "innocent" },
					     "claude-code",   "2.1.113",       "build-id" };
	static const struct example copy_before = {
		"/tmp/innocent", "/tmp/innocent", "", { "innocent" }, "-", "-", "-"
	};
	static const struct example other_size = {
		"/tmp/bun-app", "/tmp/bun-app", "", { "bun-app" }, "-", "-", "-"
	};
	_cleanup_(subject_done) struct subject s = { 0 };

	write_native("/root" CLAUDE, 0xaa, "", BIG);
	write_native("/root/tmp/innocent", 0xaa, "", BIG);
	write_native("/root/tmp/bun-app", 0xaa, "", BIG + 4096);
	subject_init(&s);

	check(&s, &copy_before);
	check(&s, &original);
	check(&s, &copy);
	check(&s, &other_size);
}

static void a_build_learnt_from_history_is_recognised(void **state)
{
	static const struct example copy = { "/tmp/innocent", "/tmp/innocent", "",	  { "x" },
					     "codex",	      "0.1.2",	       "build-id" };
	_cleanup_(subject_done) struct subject s = { 0 };
	char build_id[64];

	write_native("/root/tmp/innocent", 0xbb, "", BIG);
	snprintf(build_id, sizeof(build_id), "%s:%zu", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", BIG);
	subject_init(&s);

	assert_int_equal(tt_identify_learn(s.id, "codex", "0.1.2", build_id), 0);
	assert_int_equal(tt_identify_learn(s.id, "no-such-agent", "1", build_id), -ENOENT);
	check(&s, &copy);
}

static void a_small_stand_in_does_not_turn_its_original_into_an_agent(void **state)
{
	static const struct example stand_in = { "/tmp/codex", "/tmp/codex", "",      { "codex" },
						 "codex",      "-",	     "binary" };
	static const struct example original = { "/usr/bin/sleep", "sleep", "", { "sleep" }, "-", "-", "-" };
	_cleanup_(subject_done) struct subject s = { 0 };

	write_native("/root/tmp/codex", 0xcc, "", 30000);
	write_native("/root/usr/bin/sleep", 0xcc, "", 30000);
	subject_init(&s);

	check(&s, &stand_in);
	assert_int_equal(
		tt_identify_learn(s.id, "codex", "1.0", "cccccccccccccccccccccccccccccccccccccccc:30000"), 0);
	check(&s, &original);
}

static void a_marker_confirms_a_common_word_and_betrays_a_large_copy(void **state)
{
	static const struct example named = { "/usr/bin/goose", "goose", "",	  { "goose" },
					      "goose",		"-",	 "marker" };
	static const struct example copy = { "/tmp/duck", "duck", "", { "duck" }, "goose", "-", "marker" };
	static const struct example small = {
		"/tmp/duckling", "duckling", "", { "duckling" }, "-", "-", "-"
	};
	_cleanup_(subject_done) struct subject s = { 0 };

	write_native("/root/usr/bin/goose", 1, "GOOSE_PROVIDER", 50000);
	write_native("/root/tmp/duck", 2, "GOOSE_PROVIDER", BIG);
	write_native("/root/tmp/duckling", 3, "GOOSE_PROVIDER", 50000);
	subject_init(&s);

	check(&s, &named);
	check(&s, &copy);
	check(&s, &small);
}

static void a_native_build_id_is_the_files_and_its_size(void **state)
{
	static const struct example e = { "/opt/codex", "codex", "", { "codex" }, "codex", "-", "binary" };
	_cleanup_(tt_identity_done) struct tt_identity identity = { 0 };
	_cleanup_(subject_done) struct subject s = { 0 };
	struct tt_exec_facts facts = facts_of(&e);

	write_native("/root/opt/codex", 0x5a, "", 40000);
	subject_init(&s);

	assert_int_equal(tt_identify_exec(s.id, &facts, &identity), 0);
	assert_string_equal(identity.build_id, "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a:40000");
	assert_string_equal(identity.install_path, "/opt/codex");
	assert_null(identity.script);
	assert_null(identity.runtime);
}

static void a_scripts_build_id_follows_version_and_contents(void **state)
{
	static const struct example e = { "/usr/bin/node", "node",   "",       { "node", "/usr/bin/gemini" },
					  "gemini-cli",	   "0.61.0", "package" };
	struct tt_identity first = { 0 }, second = { 0 };
	_cleanup_(subject_done) struct subject s = { 0 };
	struct tt_exec_facts facts = facts_of(&e);

	lay_out_node();
	subject_init(&s);
	assert_int_equal(tt_identify_exec(s.id, &facts, &first), 0);
	fixture_file("/root" GEMINI "/bundle/gemini.js", "// changed in place\n");
	assert_int_equal(tt_identify_exec(s.id, &facts, &second), 0);

	assert_int_equal(strlen(first.build_id), 32);
	assert_string_not_equal(first.build_id, second.build_id);
	assert_string_equal(first.install_path, GEMINI);
	assert_string_equal(first.script, GEMINI "/bundle/gemini.js");
	assert_string_equal(first.runtime->name, "node");
	tt_identity_done(&first);
	tt_identity_done(&second);
}

static void a_script_copied_out_of_its_package_is_known_by_its_contents(void **state)
{
	static const struct example original = {
		"/usr/bin/node", "node", "", { "node", "/usr/bin/gemini" }, "gemini-cli", "0.61.0", "package"
	};
	static const struct example copy = {
		"/usr/bin/node", "node", "", { "node", "/srv/tool.mjs" }, "gemini-cli", "0.61.0", "build-id"
	};
	_cleanup_(subject_done) struct subject s = { 0 };

	lay_out_node();
	fixture_file("/root/srv/tool.mjs", "#!/usr/bin/env node\n// gemini\n");
	subject_init(&s);

	check(&s, &original);
	check(&s, &copy);
}

/* ---- editors */

static void an_editors_hosts_are_agents_its_windows_are_not(void **state)
{
	static const struct example examples[] = {
		{ "/usr/share/cursor/cursor", "cursor", "", { "cursor", "." }, "-", "-", "-" },
		{ "/usr/share/cursor/cursor",
		  "/proc/self/exe",
		  "",
		  { "cursor", "--type=renderer" },
		  "-",
		  "-",
		  "-" },
		{ "/usr/share/cursor/cursor",
		  "/proc/self/exe",
		  "",
		  { "cursor", "--type=utility", "--utility-sub-type=node.mojom.NodeService" },
		  "cursor",
		  "1.7.0",
		  "editor" },
		{ "/usr/share/code/code", "code", "", { "code", "claude.js" }, "-", "-", "-" },
	};

	fixture_file("/root/usr/share/cursor/resources/app/package.json",
		     "{\"name\":\"Cursor\",\"version\":\"1.7.0\"}");
	check_all(examples, ARRAY_SIZE(examples));
}

static void electron_run_as_node_is_its_script(void **state)
{
	static const char *const env[] = { "PATH", "ELECTRON_RUN_AS_NODE", NULL };
	static const struct example e = {
		"/usr/share/code/code", "code", "", { "code", "/usr/bin/gemini" }, "", "", ""
	};
	_cleanup_(tt_identity_done) struct tt_identity identity = { 0 };
	_cleanup_(subject_done) struct subject s = { 0 };
	struct tt_exec_facts facts = facts_of(&e);

	lay_out_node();
	subject_init(&s);
	facts.env_names = env;

	assert_int_equal(tt_identify_exec(s.id, &facts, &identity), 0);
	assert_string_equal(identity.agent->id, "gemini-cli");
}

static void extensions_are_known_by_the_code_they_load(void **state)
{
	static const struct {
		const char *path, *agent, *version;
	} cases[] = {
		{ "/home/u/.vscode/extensions/anthropic.claude-code-2.1.3-linux-x64/extension.js",
		  "claude-code", "2.1.3" },
		{ "/home/u/.vscode/extensions/Anthropic.Claude-Code-2.1.3/dist/a.mjs", "claude-code",
		  "2.1.3" },
		{ "/usr/share/cursor/resources/app/extensions/cursor-retrieval/dist/main.js", "cursor", "-" },
		/* every window reads these of every extension */
		{ "/home/u/.vscode/extensions/anthropic.claude-code-2.1.3/package.json", "-", "-" },
		{ "/home/u/.vscode/extensions/anthropic.claude-code-2.1.3/webview/index.js", "-", "-" },
		{ "/home/u/.vscode/extensions/ms-python.python-2026.1.0/out/main.js", "-", "-" },
		{ "/home/u/anthropic.claude-code-2.1.3/extension.js", "-", "-" },
		{ "/extensions/", "-", "-" },
		{ "", "-", "-" },
	};
	_cleanup_(subject_done) struct subject s = { 0 };

	subject_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *version = NULL, *place = NULL;
		const struct tt_config_agent *agent = tt_identify_extension(s.id, cases[i].path, &version,
									    &place);

		assert_string_equal(agent ? agent->id : "-", cases[i].agent);
		assert_string_equal(or_none(version), cases[i].version);
		assert_int_equal(agent != NULL, place != NULL);
	}
}

/* ---- running programs, odd facts, candidates */

static void a_running_node_program_with_a_title_is_known_by_it(void **state)
{
	static const struct example titled = { "/usr/bin/node", NULL, "",     { "gemini" },
					       "gemini-cli",	"-",  "title" };
	static const struct example idle = { "/usr/bin/node", NULL, "", { "node" }, "-", "-", "-" };
	const struct example *examples[] = { &titled, &idle };
	_cleanup_(subject_done) struct subject s = { 0 };

	subject_init(&s);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(tt_identity_done) struct tt_identity identity = { 0 };
		struct tt_exec_facts facts = facts_of(examples[i]);

		facts.running = true;
		assert_int_equal(tt_identify_exec(s.id, &facts, &identity), 0);
		assert_string_equal(identity.agent ? identity.agent->id : "-", examples[i]->agent);
		assert_string_equal(or_none(identity.how), examples[i]->how);
	}
}

static void missing_and_hostile_facts_do_no_harm(void **state)
{
	static const char *const no_argv[] = { NULL };
	static const char *const fifo_argv[] = { "node", "/fifo", NULL };
	static const char *const loop_argv[] = { "node", "/loop", NULL };
	const struct tt_exec_facts cases[] = {
		{ .pid = FIXTURE_PID },
		{ .pid = FIXTURE_PID, .exe = "", .argv = no_argv },
		{ .pid = FIXTURE_PID, .exe = "/usr/bin/node", .argv = NULL },
		{ .pid = FIXTURE_PID, .exe = "/usr/bin/node", .argv = no_argv },
		{ .pid = FIXTURE_PID, .exe = "/usr/bin/node", .argv = fifo_argv, .cwd = "/" },
		{ .pid = FIXTURE_PID, .exe = "/usr/bin/node", .argv = loop_argv, .cwd = "relative" },
		{ .pid = 4294967295u, .exe = "/no/such", .filename = "x", .argv = loop_argv },
	};
	_cleanup_(subject_done) struct subject s = { 0 };

	assert_int_equal(mkfifo(fixture_path("/root/fifo"), 0600), 0);
	fixture_link("/root/loop", "loop");
	subject_init(&s);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(tt_identity_done) struct tt_identity identity = { 0 };

		assert_int_equal(tt_identify_exec(s.id, &cases[i], &identity), 0);
		assert_null(identity.agent);
	}
}

static void a_package_json_that_is_no_file_is_not_read(void **state)
{
	static const struct example examples[] = {
		{ "/usr/bin/node", "node", "", { "node", "/a/x.js" }, "-", "-", "-" },
	};

	fixture_file("/root/a/x.js", "");
	assert_int_equal(mkfifo(fixture_path("/root/a/package.json"), 0600), 0);
	check_all(examples, ARRAY_SIZE(examples));
}

static int note_name(const struct tt_candidate_key *key, void *arg)
{
	size_t len = strlen(arg);

	snprintf((char *)arg + len, 16384 - len, "[%s]", key->name);
	return 0;
}

static void candidates_are_binaries_and_runtimes_without_duplicates(void **state)
{
	static const char *const wanted[] = { "[claude]",     "[goose]", "[node]", "[python3]",
					      "[python3.12]", "[aider]", "[code]" };
	static char text[16384];
	_cleanup_(subject_done) struct subject s = { 0 };

	subject_init(&s);
	assert_int_equal(tt_identify_candidates(s.id, note_name, text), 0);

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const char *first = strstr(text, wanted[i]);

		assert_non_null(first);
		assert_null(strstr(first + 1, wanted[i]));
	}
	assert_null(strchr(text, '?'));
	assert_null(strchr(text, '*'));
}

static void the_definitions_that_ship_know_their_agents(void **state)
{
	static const struct example examples[] = {
		{ "/usr/bin/node",
		  "node",
		  "",
		  { "node", "/usr/bin/gemini" },
		  "gemini-cli",
		  "0.61.0",
		  "package" },
		{ CLAUDE, "claude", "", { "claude" }, "claude-code", "2.1.113", "path" },
		{ "/home/u/.local/share/cursor-agent/versions/2026.01.02-abc/node",
		  "node",
		  "",
		  { "node", "--use-system-ca",
		    "/home/u/.local/share/cursor-agent/versions/2026.01.02-abc/index.js" },
		  "cursor-agent",
		  "2026.01.02-abc",
		  "path" },
		{ "/usr/bin/goose", "goose", "", { "goose" }, "-", "-", "-" },
		{ "/usr/bin/kilo", "kilo", "", { "kilo", "README" }, "-", "-", "-" },
	};
	struct tt_config_agents *shipped = NULL;
	struct tt_identify *id = NULL;
	struct tt_procfs *fs = NULL;
	char *message = NULL;

	lay_out_node();
	fixture_file("/root" CLAUDE, "x");
	fixture_file("/root/home/u/.local/share/cursor-agent/versions/2026.01.02-abc/index.js", "");
	if (tt_config_load_agents("config/agents.d", &shipped, &message) < 0)
		fail_msg("%s", message ? message : "cannot load config/agents.d");
	assert_int_equal(tt_procfs_new(fixture_path("/proc"), &fs), 0);
	assert_int_equal(tt_identify_new(shipped, fs, &id), 0);

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		check(&(struct subject){ fs, id }, &examples[i]);
	tt_identify_free(id);
	tt_procfs_free(fs);
	tt_config_agents_free(shipped);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(node_is_what_its_script_belongs_to),
		TEST(a_package_json_that_changed_changes_the_answer),
		TEST(node_programs_of_other_packages_are_no_agents),
		TEST(native_programs_are_known_by_path_package_and_name),
		TEST(names_alone_do_not_make_an_agent),
		TEST(python_programs_are_known_by_module_and_console_script),
		TEST(a_renamed_copy_of_a_build_seen_before_is_recognised),
		TEST(a_build_learnt_from_history_is_recognised),
		TEST(a_small_stand_in_does_not_turn_its_original_into_an_agent),
		TEST(a_marker_confirms_a_common_word_and_betrays_a_large_copy),
		TEST(a_native_build_id_is_the_files_and_its_size),
		TEST(a_scripts_build_id_follows_version_and_contents),
		TEST(a_script_copied_out_of_its_package_is_known_by_its_contents),
		TEST(an_editors_hosts_are_agents_its_windows_are_not),
		TEST(electron_run_as_node_is_its_script),
		TEST(extensions_are_known_by_the_code_they_load),
		TEST(a_running_node_program_with_a_title_is_known_by_it),
		TEST(missing_and_hostile_facts_do_no_harm),
		TEST(a_package_json_that_is_no_file_is_not_read),
		TEST(candidates_are_binaries_and_runtimes_without_duplicates),
		TEST(the_definitions_that_ship_know_their_agents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
