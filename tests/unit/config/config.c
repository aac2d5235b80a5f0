/* SPDX-License-Identifier: Apache-2.0 */
/* telltale.yaml: defaults, every key, its errors; and that the commented file tells the truth. */
#include "fixture.h"

static struct tt_config *load(const char *path)
{
	struct tt_config *config = NULL;
	int r = tt_config_load(path, &config, &message);

	if (r < 0)
		fail_msg("%s", message);
	return config;
}

static void assert_defaults(const struct tt_config *config)
{
	assert_string_equal(config->database, "/var/lib/telltale/telltale.db");
	assert_string_equal(config->control_socket, "/run/telltale/control.sock");
	assert_string_equal(config->sensor, "auto");
	assert_int_equal(config->env_libc, TT_ENV_LIBC_SESSIONS);
	assert_int_equal(config->ring_lifecycle_bytes, 4 << 20);
	assert_int_equal(config->ring_activity_bytes, 16 << 20);
	assert_int_equal(config->agg_entries, 65536);
	assert_int_equal(config->slot_entries, 4096);
	assert_int_equal(config->sock_entries, 16384);
	assert_int_equal(config->task_entries, 16384);
	assert_int_equal(config->task_storage, TT_TASK_STORAGE_AUTO);
	assert_int_equal(config->candidate_min_bytes_mb, 32);
	assert_int_equal(config->poll_ms, 10);
	assert_int_equal(config->retention_age_ns, 90LL * 86400 * 1000000000);
	assert_int_equal(config->retention_bytes, 2LL << 30);
}

static void without_a_file_there_are_defaults(void **state)
{
	struct tt_config *config;

	assert_return_code(setenv("TELLTALE_CONFIG_DIR", "/somewhere", 1), errno);

	config = load(NULL);

	assert_defaults(config);
	assert_string_equal(config->agents_dir, "/somewhere/agents.d");
	assert_string_equal(config->categories_dir, "/somewhere/categories.d");
	assert_string_equal(config->risk_file, "/somewhere/risk.yaml");
	assert_null(config->file);
	tt_config_free(config);
}

static void the_installed_file_is_read_when_none_is_named(void **state)
{
	struct tt_config *config;
	char directory[256];

	write_file("telltale.yaml", "sensor:\n  poll: 20ms\n");
	snprintf(directory, sizeof(directory), "%s", path_of("telltale.yaml"));
	*strrchr(directory, '/') = '\0';
	assert_return_code(setenv("TELLTALE_CONFIG_DIR", directory, 1), errno);

	config = load(NULL);

	assert_int_equal(config->poll_ms, 20);
	assert_string_equal(config->file, path_of("telltale.yaml"));
	tt_config_free(config);
}

static void an_empty_file_means_defaults(void **state)
{
	struct tt_config *config;

	write_file("t.yaml", "# nothing\n---\n# at all\n");

	config = load(path_of("t.yaml"));

	assert_defaults(config);
	tt_config_free(config);
}

static void every_key_is_read(void **state)
{
	struct tt_config *config;

	write_file("t.yaml",
		   "store: {path: /d}\ncontrol: {socket: /s}\nagents: {dir: /a}\ncategories: {dir: /c}\n"
		   "risk: {file: /r}\n"
		   "sensor:\n  backend: rawtp\n  poll: 1s\n  rings: {lifecycle: 8KiB, activity: 1GiB}\n"
		   "  maps: {aggregation: 1, slots: 2, sockets: 3, tasks: 4}\n  task_storage: off\n"
		   "  candidate_min: off\n"
		   "env: {libc: off}\nretention: {age: 2w, size: off}\n");

	config = load(path_of("t.yaml"));

	assert_string_equal(config->database, "/d");
	assert_string_equal(config->control_socket, "/s");
	assert_string_equal(config->agents_dir, "/a");
	assert_string_equal(config->categories_dir, "/c");
	assert_string_equal(config->risk_file, "/r");
	assert_string_equal(config->sensor, "rawtp");
	assert_int_equal(config->poll_ms, 1000);
	assert_int_equal(config->ring_lifecycle_bytes, 8192);
	assert_int_equal(config->ring_activity_bytes, 1 << 30);
	assert_int_equal(config->agg_entries, 1);
	assert_int_equal(config->slot_entries, 2);
	assert_int_equal(config->sock_entries, 3);
	assert_int_equal(config->task_entries, 4);
	assert_int_equal(config->task_storage, TT_TASK_STORAGE_OFF);
	assert_int_equal(config->candidate_min_bytes_mb, 0);
	assert_int_equal(config->env_libc, TT_ENV_LIBC_OFF);
	assert_int_equal(config->retention_age_ns, 14LL * 86400 * 1000000000);
	assert_int_equal(config->retention_bytes, 0);
	tt_config_free(config);
}

static void mistakes_are_named_with_their_line(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "storage:\n  path: /x\n", "t.yaml:1: unknown key 'storage' in telltale.yaml" },
		{ "retension:\n  age: 1d\n",
		  "t.yaml:1: unknown key 'retension' in telltale.yaml, did you mean 'retention'?" },
		{ "store:\n  pat: /x\n",
		  "t.yaml:2: unknown key 'pat' in section 'store', did you mean 'path'?" },
		{ "store: /x\n", "t.yaml:1: 'store' takes keys of its own" },
		{ "store:\n", "t.yaml:1: 'store' takes keys of its own" },
		{ "store: {path: x}\n", "t.yaml:1: 'path' is 'x', expected an absolute path" },
		{ "sensor:\n  backend: ebpf\n",
		  "t.yaml:2: 'backend' is 'ebpf', expected one of: auto, trampoline, rawtp" },
		{ "sensor:\n  poll: 10\n", "t.yaml:2: 'poll' is '10', expected a number such as 10ms" },
		{ "sensor:\n  poll: 0ms\n", "out of its range" },
		{ "sensor:\n  poll: off\n", "expected a number such as 10ms" },
		{ "sensor:\n  rings:\n    activity: 3MiB\n", "must be powers of two" },
		{ "sensor:\n  rings:\n    activity: 16MB\n",
		  "t.yaml:3: 'activity' is '16MB', expected a number such as 16MiB" },
		{ "sensor:\n  rings:\n    activity: 99999999999999999999GiB\n", "expected a number" },
		{ "sensor:\n  rings:\n    activity: 9999999999GiB\n", "expected a number" },
		{ "sensor:\n  rings:\n    activity: 8GiB\n", "out of its range" },
		{ "sensor:\n  maps:\n    slots: 1KiB\n", "expected a number such as 4096" },
		{ "sensor:\n  maps:\n    slots: -1\n", "expected a number such as 4096" },
		{ "sensor:\n  candidate_min: 1KiB\n", "expected a number such as 32MiB" },
		{ "env: {libc: maybe}\n", "expected one of: sessions, always, off" },
		{ "env: {libc: off}\n---\nenv: {libc: off}\n", "t.yaml:3: a second document" },
		{ "env: {libc: [off]}\n", "t.yaml:1: 'libc' takes a single value" },
		{ "? [a]\n: b\n", "t.yaml:1: 'key' takes a single value" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_config *config = NULL;

		write_file("t.yaml", cases[i].text);

		assert_int_equal(tt_config_load(path_of("t.yaml"), &config, &message), -EINVAL);

		assert_null(config);
		assert_message(cases[i].message);
		free(TAKE_PTR(message));
	}
}

static void a_named_file_must_be_there(void **state)
{
	struct tt_config *config = NULL;

	assert_int_equal(tt_config_load(path_of("none.yaml"), &config, &message), -ENOENT);
	assert_message("none.yaml: cannot open");
}

static void deep_nesting_is_refused_at_its_first_step(void **state)
{
	struct tt_config *config = NULL;
	char text[20000];

	memset(text, '[', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	write_file("t.yaml", text);

	assert_int_equal(tt_config_load(path_of("t.yaml"), &config, &message), -EINVAL);
}

/* "#key: value" and "#  indented" are settings, "# text" is prose: see the file's own words. */
static void the_shipped_file_shows_every_default(void **state)
{
	_cleanup_fclose_ FILE *in = fopen("config/telltale.yaml", "re"),
			      *out = fopen(path_of("t.yaml"), "we");
	struct tt_config *config;
	char line[256];
	int settings = 0;

	assert_non_null(in);
	assert_non_null(out);
	while (fgets(line, sizeof(line), in)) {
		if (line[0] != '#' || (line[1] == ' ' && line[2] != ' '))
			continue;
		assert_int_equal(fputs(line + 1, out) >= 0, 1);
		settings++;
	}
	assert_int_equal(fclose(TAKE_PTR(out)), 0);
	assert_true(settings > 20);

	config = load(path_of("t.yaml"));

	assert_defaults(config);
	assert_string_equal(config->agents_dir, "/etc/telltale/agents.d");
	assert_string_equal(config->categories_dir, "/etc/telltale/categories.d");
	assert_string_equal(config->risk_file, "/etc/telltale/risk.yaml");
	tt_config_free(config);

	config = load("config/telltale.yaml");
	assert_defaults(config);
	tt_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_file_there_are_defaults),
		TEST(the_installed_file_is_read_when_none_is_named),
		TEST(an_empty_file_means_defaults),
		TEST(every_key_is_read),
		TEST(mistakes_are_named_with_their_line),
		TEST(a_named_file_must_be_there),
		TEST(deep_nesting_is_refused_at_its_first_step),
		TEST(the_shipped_file_shows_every_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
