/* SPDX-License-Identifier: Apache-2.0 */
/* agents.d: what a definition may say, what overrides what, and which line an error names. */
#include "fixture.h"

static struct tt_config_agents *load(void)
{
	struct tt_config_agents *agents = NULL;
	int r = tt_config_load_agents(dir, &agents, &message);

	if (r < 0)
		fail_msg("%s", message);
	return agents;
}

static void five_lines_define_an_agent(void **state)
{
	struct tt_config_agents *agents;

	write_file("my.yaml", "id: my-agent\n"
			      "name: My Agent\n"
			      "vendor: Me\n"
			      "binaries: myagent\n"
			      "packages: '@me/agent'\n");

	agents = load();

	assert_int_equal(agents->n_agents, 1);
	assert_string_equal(agents->agents[0].id, "my-agent");
	assert_string_equal(agents->agents[0].name, "My Agent");
	assert_int_equal(agents->agents[0].binaries.n, 1);
	assert_string_equal(agents->agents[0].binaries.v[0], "myagent");
	assert_string_equal(agents->agents[0].packages.v[0], "@me/agent");
	assert_string_equal(agents->agents[0].file, path_of("my.yaml"));
	tt_config_agents_free(agents);
}

static void two_lines_suffice_and_the_id_is_the_name(void **state)
{
	struct tt_config_agents *agents;

	write_file("a.yaml", "id: a\nbinaries: a\n");

	agents = load();

	assert_string_equal(agents->agents[0].name, "a");
	assert_null(agents->agents[0].vendor);
	tt_config_agents_free(agents);
}

static void every_key_is_read(void **state)
{
	struct tt_config_agents *agents;
	const struct tt_config_agent *agent;

	write_file("a.yaml",
		   "id: a\nname: A\nvendor: V\nbinaries: [a, b]\npackages:\n  - p\n  - q*\npython: m\n"
		   "paths: ~/a/**\nenv: A_URL\nbase_urls: A_BASE_URL\napi_hosts: [v, a.example, .b.example, "
		   "'*']\nextensions: v.a-*\n"
		   "build_ids: 0123456789abcdef:12\nprompt_args: [-p, '*']\nmarkers: twelve bytes.\n"
		   "version_paths: ~/v/{version}\nversion_files: ../package.json\neditor: true\n");

	agents = load();

	agent = &agents->agents[0];
	assert_int_equal(agent->binaries.n, 2);
	assert_string_equal(agent->packages.v[1], "q*");
	assert_string_equal(agent->python.v[0], "m");
	assert_string_equal(agent->paths.v[0], "~/a/**");
	assert_string_equal(agent->env.v[0], "A_URL");
	assert_string_equal(agent->base_urls.v[0], "A_BASE_URL");
	assert_int_equal(agent->api_hosts.n, 4);
	assert_string_equal(agent->extensions.v[0], "v.a-*");
	assert_string_equal(agent->build_ids.v[0], "0123456789abcdef:12");
	assert_string_equal(agent->prompt_args.v[1], "*");
	assert_string_equal(agent->markers.v[0], "twelve bytes.");
	assert_string_equal(agent->version_paths.v[0], "~/v/{version}");
	assert_string_equal(agent->version_files.v[0], "../package.json");
	assert_true(agent->editor);
	tt_config_agents_free(agents);
}

static void a_later_file_replaces_an_agent_and_a_runtime(void **state)
{
	struct tt_config_agents *agents;

	write_file("10-a.yaml", "id: a\nname: first\nbinaries: a\n---\nid: b\nbinaries: b\n---\n"
				"runtimes:\n  - {name: node, kind: node, env_symbols: uv_os_getenv}\n"
				"  - {name: bun, kind: bun, env_direct: true}\n");
	write_file("20-a.yaml", "id: a\nname: second\npython: a\n");
	write_file("30-r.yaml", "runtimes: [{name: node, kind: node}]\n");
	write_file(".hidden.yaml", "nonsense: 1\n");
	write_file("notes.txt", "nonsense: 1\n");

	agents = load();

	assert_int_equal(agents->n_agents, 2);
	assert_string_equal(agents->agents[0].name, "second");
	assert_int_equal(agents->agents[0].binaries.n, 0);
	assert_int_equal(agents->n_runtimes, 2);
	assert_string_equal(agents->runtimes[0].name, "node");
	assert_int_equal(agents->runtimes[0].env_symbols.n, 0);
	assert_true(agents->runtimes[1].env_direct);
	tt_config_agents_free(agents);
}

static void mistakes_are_named_with_their_line(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "name: x\nbinaries: x\n", "a.yaml:1: an agent needs 'id'" },
		{ "id: a\n", "a.yaml:1: agent 'a' has nothing to be recognised by" },
		{ "id: A b\nbinaries: x\n", "a.yaml:1: id 'A b': expected lower-case" },
		{ "id: a\nbinary: x\n", "a.yaml:2: unknown key 'binary' in an agent definition" },
		{ "id: a\npackage: x\n",
		  "a.yaml:2: unknown key 'package' in an agent definition, did you mean "
		  "'packages'?" },
		{ "id: a\nid: b\nbinaries: x\n", "a.yaml:2: 'id' is given twice" },
		{ "id: a\nbinaries: /bin/x\n", "'/bin/x' in 'binaries': expected a file name" },
		{ "id: a\nbinaries: x\nbase_urls: A=b\n",
		  "'A=b' in 'base_urls': expected the name of a variable" },
		{ "id: a\nbinaries: x\napi_hosts: https://a.example\n",
		  "'https://a.example' in 'api_hosts': expected a host" },
		{ "id: a\nbinaries: x\napi_hosts: a.*\n", "'a.*' in 'api_hosts': expected a host" },
		{ "id: a\nbinaries: x\neditor: yes\n",
		  "a.yaml:3: 'editor' is 'yes', expected true or false" },
		{ "id: a\nbinaries:\n", "a.yaml:2: 'binaries' has no value" },
		{ "id: a\nbinaries: {x: y}\n", "a.yaml:2: 'binaries' takes a list" },
		{ "id: [a]\n", "a.yaml:1: 'id' takes a single value" },
		{ "id: a\nbinaries: &x [b]\npython: *x\n", "a.yaml:3: aliases" },
		{ "id: \"a\\0b\"\n", "a.yaml:1: 'id' has a control character" },
		{ "id: a\nbinaries: [x\n", "not YAML" },
		{ "- a\n", "a.yaml:1: expected an agent definition" },
		{ "id: a\nbinaries: x\n---\nid: a\nbinaries: y\n", "a.yaml:4: agent 'a' is defined twice" },
		{ "id: a\nbinaries: x\nruntimes: [{name: n, kind: node}]\n", "put --- between them" },
		{ "runtimes:\n  - name: n\n", "a.yaml:2: a runtime needs 'kind'" },
		{ "runtimes:\n  - name: n\n    kind: perl\n",
		  "a.yaml:3: 'kind' is 'perl', expected one of: node, bun" },
		{ "runtimes: [n]\n", "a.yaml:1: 'runtimes' takes a list of mappings" },
		{ "id: a\nversion_paths: [x]\nbinaries: b\n", "expected {version} in it" },
		{ "id: a\nmarkers: short\n", "expected at least 12 bytes" },
		{ "id: a\nbuild_ids: XYZ\n", "expected lower-case hex" },
		{ "id: a\nbinaries: \xff\n", "a.yaml:2: not YAML" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_config_agents *agents = NULL;

		write_file("a.yaml", cases[i].text);

		assert_int_equal(tt_config_load_agents(dir, &agents, &message), -EINVAL);

		assert_null(agents);
		assert_message(cases[i].message);
		free(TAKE_PTR(message));
	}
}

static void files_that_anybody_may_write_are_refused(void **state)
{
	struct tt_config_agents *agents = NULL;

	write_file("a.yaml", "id: a\nbinaries: a\n");
	assert_return_code(chmod(path_of("a.yaml"), 0666), errno);

	assert_int_equal(tt_config_load_agents(dir, &agents, &message), -EPERM);
	assert_message("chmod o-w");
	free(TAKE_PTR(message));

	assert_return_code(chmod(path_of("a.yaml"), 0644), errno);
	assert_return_code(chmod(dir, 0777), errno);
	assert_int_equal(tt_config_load_agents(dir, &agents, &message), -EPERM);
}

static void a_fifo_or_a_huge_file_does_not_hang_or_fill_memory(void **state)
{
	struct tt_config_agents *agents = NULL;

	assert_return_code(mkfifo(path_of("a.yaml"), 0600), errno);
	assert_int_equal(tt_config_load_agents(dir, &agents, &message), -EINVAL);
	assert_message("not a regular file");
	free(TAKE_PTR(message));

	assert_return_code(remove(path_of("a.yaml")), errno);
	write_file("a.yaml", "");
	assert_return_code(truncate(path_of("a.yaml"), 64 << 20), errno);
	assert_int_equal(tt_config_load_agents(dir, &agents, &message), -EFBIG);
}

static void a_missing_directory_is_an_error(void **state)
{
	struct tt_config_agents *agents = NULL;

	assert_int_equal(tt_config_load_agents(path_of("none"), &agents, &message), -ENOENT);
	assert_message("none: cannot read the directory");
	free(TAKE_PTR(message));
	assert_int_equal(tt_config_load_agents(path_of("none"), &agents, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(five_lines_define_an_agent),
		TEST(two_lines_suffice_and_the_id_is_the_name),
		TEST(every_key_is_read),
		TEST(a_later_file_replaces_an_agent_and_a_runtime),
		TEST(mistakes_are_named_with_their_line),
		TEST(files_that_anybody_may_write_are_refused),
		TEST(a_fifo_or_a_huge_file_does_not_hang_or_fill_memory),
		TEST(a_missing_directory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
