/* SPDX-License-Identifier: Apache-2.0 */
#include "process/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "util/util.h"

#define STRV(...)                                                                                            \
	{                                                                                                    \
		.v = (char *[]){ __VA_ARGS__ }, .n = sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)      \
	}
#define S(text) ((char *)(text))

static struct tt_config_agent agents[] = {
	{
		.id = S("gemini-cli"),
		.binaries = STRV(S("gemini")),
		.packages = STRV(S("@google/gemini-cli")),
		.prompt_args = STRV(S("-p"), S("--prompt"), S("*")),
	},
	{ .id = S("aider"), .python = STRV(S("aider")), .prompt_args = STRV(S("-m"), S("--message")) },
	{ .id = S("goose"), .binaries = STRV(S("goose?")), .prompt_args = STRV(S("-t")) },
};
#define GEMINI (&agents[0])
#define AIDER  (&agents[1])

struct example {
	const char *argv[10];
	const char *json;
};

static void check(const struct tt_config_agent *agent, const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *json = tt_redact(agent, agents, ARRAY_SIZE(agents), examples[i].argv,
						      false);

		assert_non_null(json);
		assert_string_equal(json, examples[i].json);
	}
}

static void ordinary_arguments_stay(void **state)
{
	static const struct example examples[] = {
		{ { "ls", "-la", "/home/u/My Files" }, "[\"ls\",\"-la\",\"/home/u/My Files\"]" },
		{ { "git", "commit", "-m", "fix the tokenizer" },
		  "[\"git\",\"commit\",\"-m\",\"fix the tokenizer\"]" },
		{ { "tool", "--max-tokens", "4096", "--tokenizer", "bpe" },
		  "[\"tool\",\"--max-tokens\",\"4096\",\"--tokenizer\",\"bpe\"]" },
		{ { "docker", "login", "--password-stdin", "reg" },
		  "[\"docker\",\"login\",\"--password-stdin\",\"reg\"]" },
		{ { "curl", "http://host:8080/a@b" }, "[\"curl\",\"http://host:8080/a@b\"]" },
		{ { "grep", "task-list", "disk-usage" }, "[\"grep\",\"task-list\",\"disk-usage\"]" },
		{ { "sh", "-c", "cd /tmp && PWD=/x make" }, "[\"sh\",\"-c\",\"cd /tmp && PWD=/x make\"]" },
		{ { "x", "", "a\"b\\\n\xff" }, "[\"x\",\"\",\"a\\\"b\\\\\\n\xef\xbf\xbd\"]" },
		{ { NULL }, "[]" },
	};

	check(NULL, examples, ARRAY_SIZE(examples));
}

static void values_of_secret_options_go(void **state)
{
	static const struct example examples[] = {
		{ { "x", "--api-key", "abc" }, "[\"x\",\"--api-key\",\"<redacted>\"]" },
		{ { "x", "--api-key=abc" }, "[\"x\",\"--api-key=<redacted>\"]" },
		{ { "x", "--openaiApiKey=abc" }, "[\"x\",\"--openaiApiKey=<redacted>\"]" },
		{ { "x", "--token", "-abc" }, "[\"x\",\"--token\",\"<redacted>\"]" },
		{ { "x", "--token", "--verbose" }, "[\"x\",\"--token\",\"--verbose\"]" },
		{ { "x", "--token", "$TOKEN" }, "[\"x\",\"--token\",\"$TOKEN\"]" },
		{ { "x", "--auth", "u:p" }, "[\"x\",\"--auth\",\"<redacted>\"]" },
		{ { "curl", "-u", "me:pass", "h" }, "[\"curl\",\"-u\",\"<redacted>\",\"h\"]" },
		{ { "curl", "-ume:pass" }, "[\"curl\",\"-u<redacted>\"]" },
		{ { "/usr/bin/mysql", "-phunter2", "-p" }, "[\"/usr/bin/mysql\",\"-p<redacted>\",\"-p\"]" },
		{ { "sshpass", "-p", "pw", "ssh" }, "[\"sshpass\",\"-p\",\"<redacted>\",\"ssh\"]" },
		{ { "env", "GITHUB_TOKEN=abc", "TZ=UTC", "make" },
		  "[\"env\",\"GITHUB_TOKEN=<redacted>\",\"TZ=UTC\",\"make\"]" },
	};

	check(NULL, examples, ARRAY_SIZE(examples));
}

static void secrets_are_known_by_their_look_and_place(void **state)
{
	static const struct example examples[] = {
		{ { "x", "sk-ant-api03-abcdefgh" }, "[\"x\",\"<redacted>\"]" },
		{ { "x", "key ghp_abcdefghijkl, AKIAIOSFODNN7EXAMPLE." },
		  "[\"x\",\"key <redacted>, <redacted>\"]" },
		{ { "x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.abc" }, "[\"x\",\"<redacted>\"]" },
		{ { "x", "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- tail" },
		  "[\"x\",\"<redacted> tail\"]" },
		{ { "git", "clone", "https://me:pass@host/r" },
		  "[\"git\",\"clone\",\"https://<redacted>@host/r\"]" },
		{ { "git", "clone", "https://tok@host/r" },
		  "[\"git\",\"clone\",\"https://<redacted>@host/r\"]" },
		{ { "x", "postgres://me:pa/ss@host/db" }, "[\"x\",\"postgres://<redacted>@host/db\"]" },
		{ { "curl", "https://h/?api_key=abc&x=1" },
		  "[\"curl\",\"https://h/?api_key=<redacted>&x=1\"]" },
		{ { "curl", "-H", "Authorization: Bearer abc def" },
		  "[\"curl\",\"-H\",\"Authorization: <redacted>\"]" },
		{ { "curl", "-H", "X-Api-Key: abc" }, "[\"curl\",\"-H\",\"X-Api-Key: <redacted>\"]" },
		{ { "curl", "-d", "{\"password\": \"a\\\"b\", \"n\": 1}" },
		  "[\"curl\",\"-d\",\"{\\\"password\\\": <redacted>, \\\"n\\\": 1}\"]" },
		{ { "sh", "-c", "FOO_TOKEN=abc curl -H 'Authorization: Bearer abc' h | cat" },
		  "[\"sh\",\"-c\",\"FOO_TOKEN=<redacted> curl -H 'Authorization: <redacted>' h | cat\"]" },
		{ { "sh", "-c", "tool --password \"a b\" --x; A_SECRET='c d' t" },
		  "[\"sh\",\"-c\",\"tool --password <redacted> --x; A_SECRET=<redacted> t\"]" },
	};

	check(NULL, examples, ARRAY_SIZE(examples));
}

static void an_agents_prompts_are_counted_not_kept(void **state)
{
	static const struct example examples[] = {
		{ { "gemini", "-p", "fix it" }, "[\"gemini\",\"-p\",\"<prompt: 6 characters>\"]" },
		{ { "gemini", "--prompt=\xc3\xa4\xc3\xb6" },
		  "[\"gemini\",\"--prompt=<prompt: 2 characters>\"]" },
		{ { "gemini", "-pfix it" }, "[\"gemini\",\"<prompt: 8 characters>\"]" },
		{ { "gemini", "-p", "--yolo", "fix" },
		  "[\"gemini\",\"-p\",\"--yolo\",\"<prompt: 3 characters>\"]" },
		{ { "gemini", "-p", "- a list" }, "[\"gemini\",\"-p\",\"<prompt: 8 characters>\"]" },
		{ { "gemini", "--model", "pro", "hello" },
		  "[\"gemini\",\"--model\",\"pro\",\"<prompt: 5 characters>\"]" },
		{ { "gemini", "mcp", "add", "x" }, "[\"gemini\",\"mcp\",\"add\",\"x\"]" },
		{ { "gemini", "exec", "mcp" }, "[\"gemini\",\"exec\",\"<prompt: 3 characters>\"]" },
		{ { "gemini", "--", "-x y" }, "[\"gemini\",\"--\",\"<prompt: 4 characters>\"]" },
		{ { "node", "--no-warnings", "/x/gemini.js", "hi" },
		  "[\"node\",\"--no-warnings\",\"/x/gemini.js\",\"<prompt: 2 characters>\"]" },
		{ { "/tmp/renamed", "-p", "hi" }, "[\"/tmp/renamed\",\"-p\",\"<prompt: 2 characters>\"]" },
	};
	static const struct example python[] = {
		{ { "python3", "-m", "aider", "-m", "hi there", "a.py" },
		  "[\"python3\",\"-m\",\"aider\",\"-m\",\"<prompt: 8 characters>\",\"a.py\"]" },
		{ { "python3", "/x/bin/aider", "--message=hi" },
		  "[\"python3\",\"/x/bin/aider\",\"--message=<prompt: 2 characters>\"]" },
	};
	static const struct example attached[] = {
		{ { "aider", "-mhi there" }, "[\"aider\",\"-m<prompt: 8 characters>\"]" },
	};

	check(GEMINI, examples, ARRAY_SIZE(examples));
	check(AIDER, python, ARRAY_SIZE(python));
	check(AIDER, attached, ARRAY_SIZE(attached));
}

static void prompts_are_found_behind_launchers_and_in_shells(void **state)
{
	static const struct example examples[] = {
		{ { "npx", "-y", "@google/gemini-cli@latest", "-p", "hi" },
		  "[\"npx\",\"-y\",\"@google/gemini-cli@latest\",\"-p\",\"<prompt: 2 characters>\"]" },
		{ { "node", "/usr/bin/npx", "gemini", "hi you" },
		  "[\"node\",\"/usr/bin/npx\",\"gemini\",\"<prompt: 6 characters>\"]" },
		{ { "timeout", "10", "gemini", "-p", "hi" },
		  "[\"timeout\",\"10\",\"gemini\",\"-p\",\"<prompt: 2 characters>\"]" },
		{ { "sh", "-c", "cd x && gemini -p 'my plan'" },
		  "[\"sh\",\"-c\",\"cd x && gemini <prompt: 12 characters>\"]" },
		{ { "bash", "-lc", "A=1 timeout 5 gemini hi" },
		  "[\"bash\",\"-lc\",\"A=1 timeout 5 gemini <prompt: 2 characters>\"]" },
		{ { "sh", "-c", "gemini --version" }, "[\"sh\",\"-c\",\"gemini --version\"]" },
		{ { "sh", "-c", "cat gemini -p" }, "[\"sh\",\"-c\",\"cat gemini -p\"]" },
		{ { "git", "commit", "-m", "gemini", "-p" },
		  "[\"git\",\"commit\",\"-m\",\"gemini\",\"-p\"]" },
		{ { "goose", "-t", "up" }, "[\"goose\",\"-t\",\"up\"]" },
	};

	check(NULL, examples, ARRAY_SIZE(examples));
}

static void what_is_cut_off_does_not_betray_its_beginning(void **state)
{
	static const struct example examples[] = {
		{ { "x", "ghp_a" }, "[\"x\",\"<redacted>\",\"<truncated>\"]" },
		{ { "x", "--api-key=a" }, "[\"x\",\"--api-key=<redacted>\",\"<truncated>\"]" },
		{ { "x", "https://me:pas" }, "[\"x\",\"https://<redacted>\",\"<truncated>\"]" },
		{ { "x", "https://host:80" }, "[\"x\",\"https://host:80\",\"<truncated>\"]" },
		{ { "x", "P_TOKEN='a b" }, "[\"x\",\"P_TOKEN=<redacted>\",\"<truncated>\"]" },
		{ { "x", "-----BEGIN KEY" }, "[\"x\",\"<redacted>\",\"<truncated>\"]" },
		{ { "gemini", "-p", "hello" },
		  "[\"gemini\",\"-p\",\"<prompt: at least 5 characters>\",\"<truncated>\"]" },
		{ { NULL }, "[\"<truncated>\"]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		_cleanup_free_ char *json = tt_redact_argv(i == 6 ? GEMINI : NULL, examples[i].argv, true);

		assert_string_equal(json, examples[i].json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_arguments_stay),
		cmocka_unit_test(values_of_secret_options_go),
		cmocka_unit_test(secrets_are_known_by_their_look_and_place),
		cmocka_unit_test(an_agents_prompts_are_counted_not_kept),
		cmocka_unit_test(prompts_are_found_behind_launchers_and_in_shells),
		cmocka_unit_test(what_is_cut_off_does_not_betray_its_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
