/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that run already: a made-up list of tasks, and a /proc to go with it. */
#include "unit/daemon/pipeline.h"

#define SEC FRAMES_S

static struct tt_iter_task tasks[32];
static size_t n_tasks;
static uint32_t attached[32];
static size_t n_attached;
static struct tt_iter_task born; /* during the walk; pid 0: none */
static int attach_result;

static int list(struct tt_sensor *sensor, int (*fn)(const struct tt_iter_task *task, void *arg), void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_tasks; i++)
		r = fn(&tasks[i], arg);
	return r;
}

static int attach(struct tt_sensor *sensor, uint64_t slot, const uint32_t *pids, size_t n,
		  int (*fn)(const struct tt_iter_task *task, void *arg), void *arg)
{
	int r = 0;

	for (size_t i = 0; i < n_tasks; i++) {
		for (size_t k = 0; r == 0 && k < n; k++) {
			if (tasks[i].pid != pids[k])
				continue;
			attached[n_attached++] = pids[k];
			r = fn(&tasks[i], arg);
			if (r == 0)
				r = fn(&tasks[i], arg); /* its second thread */
		}
	}
	if (r == 0 && born.pid)
		r = fn(&born, arg);
	return r != 0 ? r : attach_result;
}

/* "a b c" -> "a\0b\0c\0" in /proc/PID/NAME */
static void words(uint32_t pid, const char *name, const char *text)
{
	char path[64], bytes[512];
	size_t len = strlen(text) + 1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fixture_parents(path);
	memcpy(bytes, text, len);
	for (size_t i = 0; i < len; i++)
		bytes[i] = bytes[i] == ' ' ? '\0' : bytes[i];
	f = fopen(fixture_path(path), "we");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static void running(uint32_t pid, uint32_t parent, const char *exe, const char *argv)
{
	char path[64];

	tasks[n_tasks++] = (struct tt_iter_task){ .pid = pid,
						  .tid = pid,
						  .ppid = parent,
						  .uid = 1000,
						  .start_ns = task(pid, 0).start_ns,
						  .parent_start_ns = task(parent, 0).start_ns };
	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	fixture_link(path, exe);
	snprintf(path, sizeof(path), "/proc/%u/cwd", pid);
	fixture_link(path, "/home/u/project");
	words(pid, "cmdline", argv);
	words(pid, "environ", "TZ=Asia/Shanghai SECRET=hunter2 ANTHROPIC_BASE_URL=http://llm.example.com/v1");
}

static int setup(void **state)
{
	struct pipeline *p;

	n_tasks = n_attached = 0;
	attach_result = 0;
	born = (struct tt_iter_task){ 0 };
	pipeline_setup(state);
	p = *state;
	p->ops.list = list;
	p->ops.attach = attach;
	return 0;
}

static unsigned scan(struct pipeline *p)
{
	unsigned found = 0;

	assert_int_equal(tt_tracker_scan(p->tracker, &found), 0);
	return found;
}

static void a_running_agent_is_found_with_its_descendants(void **state)
{
	struct pipeline *p = *state;

	running(1, 0, "/usr/lib/systemd/systemd", "systemd");
	running(101, 1, "/usr/bin/sh", "sh");
	running(102, 101, "/usr/bin/claude", "claude --verbose");
	running(103, 102, "/usr/bin/sh", "sh -c make");
	running(104, 103, "/usr/bin/git", "git status");
	running(105, 101, "/usr/bin/git", "git log");
	assert_int_equal(scan(p), 1);
	tick(p, SEC);

	assert_query(p, "SELECT agent || ' ' || uid || ' ' || command FROM session",
		     "claude-code 1000 [\"claude\",\"--verbose\"]");
	assert_query(p, "SELECT pid || role FROM process ORDER BY pid", "102agent 103tool 104tool");
	assert_query(p, "SELECT count(mount_ns) FROM process", "3");
	assert_query(p, "SELECT count(*) FROM process WHERE coverage LIKE '%was running before telltale%'",
		     "3");
	assert_query(p, "SELECT name || source || coalesce(value, '-') FROM env_lookup ORDER BY row_id",
		     "TZexecAsia/Shanghai SECRETexec- ANTHROPIC_BASE_URLexecllm.example.com");
	assert_query(p, "SELECT gateway || gateway_source FROM session", "llm.example.comANTHROPIC_BASE_URL");
	assert_query(p,
		     "SELECT count(*) FROM process p JOIN process o ON p.parent_process_id = o.process_id"
		     " WHERE p.pid = 104 AND o.pid = 103",
		     "1");
	assert_int_equal(n_attached, 3);
	assert_int_equal(p->started, 1);
}

static void what_it_does_from_then_on_is_recorded(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(102, UINT64_C(1) << 63 | 1), child = task(110, claude.slot);

	running(102, 1, "/usr/bin/claude", "claude");
	assert_int_equal(scan(p), 1);
	read_file(p, SEC, claude, "/home/u/.ssh/id_rsa");
	spawn(p, SEC + 1, claude, child, "/usr/bin/git", 0);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p,
		     "SELECT p.pid || f.path FROM file_access f JOIN process p USING (process_id)"
		     " WHERE op = 'read'",
		     "102/home/u/.ssh/id_rsa");
	/* its children are seen from their beginning */
	assert_query(p, "SELECT pid || (coverage LIKE '%was running%') FROM process ORDER BY pid",
		     "1021 1100");
}

static void an_agent_inside_an_agent_is_its_own_session(void **state)
{
	struct pipeline *p = *state;

	running(102, 1, "/usr/bin/claude", "claude");
	running(103, 102, "/usr/bin/claude", "claude --helper");
	running(104, 103, "/usr/bin/codex", "codex");
	running(105, 104, "/usr/bin/git", "git status");
	assert_int_equal(scan(p), 1);
	tick(p, SEC);

	assert_query(p,
		     "SELECT s.agent || ':' || pid || role FROM process JOIN session s USING (session_id) "
		     "ORDER BY pid",
		     "claude-code:102agent claude-code:103runtime codex:104agent codex:105tool");
	assert_query(
		p, "SELECT agent || process_count || (parent_session_id IS NULL) FROM session ORDER BY agent",
		"claude-code21 codex20");
}

/* Numbers begin anew: the child of a child comes first of all. */
static void a_child_with_a_smaller_number_has_its_parents_session(void **state)
{
	struct pipeline *p = *state;

	running(102, 1, "/usr/bin/claude", "claude");
	running(103, 104, "/usr/bin/git", "git status");
	running(104, 120, "/bin/sh", "sh -c git");
	running(120, 102, "/usr/bin/codex", "codex");
	assert_int_equal(scan(p), 1);
	tick(p, SEC);

	assert_query(p,
		     "SELECT s.agent || ':' || pid || role FROM process JOIN session s USING (session_id) "
		     "ORDER BY pid",
		     "claude-code:102agent codex:103tool codex:104tool codex:120agent");
	assert_query(
		p, "SELECT group_concat(agent || process_count) FROM (SELECT * FROM session ORDER BY agent)",
		"claude-code1,codex3");
}

static void two_agents_are_two_sessions_with_a_slot_each(void **state)
{
	struct pipeline *p = *state;

	/* the later one has the smaller number: pids wrap */
	running(102, 1, "/usr/bin/claude", "claude");
	running(110, 1, "/usr/bin/codex", "codex");
	running(103, 110, "/usr/bin/git", "git status");
	assert_int_equal(scan(p), 2);
	tick(p, SEC);

	assert_query(
		p, "SELECT s.agent || ':' || pid FROM process JOIN session s USING (session_id) ORDER BY pid",
		"claude-code:102 codex:103 codex:110");
}

static void an_orphan_is_not_linked(void **state)
{
	struct pipeline *p = *state;

	running(1, 0, "/usr/lib/systemd/systemd", "systemd");
	running(102, 1, "/usr/bin/claude", "claude");
	running(103, 1, "/usr/bin/git", "git gc"); /* claude's once; nothing says so any more */
	assert_int_equal(scan(p), 1);
	tick(p, SEC);

	assert_query(p, "SELECT group_concat(pid) FROM process", "102");
}

static void a_parent_with_a_reused_number_is_none(void **state)
{
	struct pipeline *p = *state;

	running(102, 1, "/usr/bin/claude", "claude");
	running(103, 102, "/usr/bin/git", "git gc");
	tasks[1].parent_start_ns = 12345; /* of an older 102 */
	assert_int_equal(scan(p), 1);
	tick(p, SEC);

	assert_query(p, "SELECT group_concat(pid) FROM process", "102");
}

static void a_child_born_during_the_walk_is_its_parents(void **state)
{
	struct pipeline *p = *state;

	running(102, 1, "/usr/bin/claude", "claude");
	born = (struct tt_iter_task){ .pid = 120,
				      .tid = 120,
				      .ppid = 102,
				      .start_ns = task(120, 0).start_ns,
				      .parent_start_ns = task(102, 0).start_ns };
	assert_int_equal(scan(p), 1);
	tick(p, SEC);

	assert_query(p, "SELECT pid || ppid FROM process ORDER BY pid", "1021 120102");
	assert_query(p, "SELECT process_count FROM session", "2");
}

static void a_walk_that_found_no_end_is_a_loss(void **state)
{
	struct pipeline *p = *state;

	running(102, 1, "/usr/bin/claude", "claude");
	attach_result = -EAGAIN;
	assert_int_equal(scan(p), 1);
	tick(p, SEC);

	assert_query(p, "SELECT sensor || kind || count FROM loss JOIN session USING (session_id)",
		     "processattach_incomplete1");
	assert_query(p, "SELECT complete FROM session", "0");
}

static void what_is_watched_already_is_left_alone(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(102, 1);
	static const char *const argv[] = { "claude", NULL };

	start(p, SEC, claude, "/usr/bin/claude", argv);
	play(p);
	running(102, 1, "/usr/bin/claude", "claude");
	assert_int_equal(scan(p), 0);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT count(*) FROM session", "1");
	assert_query(p, "SELECT coverage LIKE '%was running%' FROM process", "0");
}

/* Its exec was in the ring when the tasks were listed: bound, then told of. */
static void an_agent_that_starts_during_the_scan_is_one_session(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(102, 1);
	static const char *const argv[] = { "claude", NULL };

	running(102, 1, "/usr/bin/claude", "claude");
	assert_int_equal(scan(p), 1);
	start(p, SEC, claude, "/usr/bin/claude", argv);
	read_file(p, SEC + 1, claude, "/etc/passwd");
	play(p);
	tick(p, 2 * SEC);
	tick(p, 8 * SEC);
	read_file(p, 8 * SEC, claude, "/etc/group");
	frames_exit(&p->frames, 9 * SEC, claude, 0);
	play(p);
	tick(p, 9 * SEC + 1);

	assert_query(p, "SELECT count(*) || ' ' || sum(process_count) FROM session", "1 1");
	assert_query(p, "SELECT group_concat(path) FROM file_access WHERE op = 'read'",
		     "/etc/passwd,/etc/group");
	assert_query(p, "SELECT coverage LIKE '%was running%' FROM process", "0");
	assert_query(p, "SELECT ended_ns IS NOT NULL FROM session", "1");
}

static void nothing_is_found_where_there_is_none(void **state)
{
	struct pipeline *p = *state;

	running(101, 1, "/usr/bin/node", "node build.js");
	running(102, 101, "/usr/bin/git", "git status");
	running(103, 1, "/usr/bin/gone", "claude");
	unlink(fixture_path("/proc/103/exe"));
	assert_int_equal(scan(p), 0);
	tick(p, SEC);

	assert_query(p, "SELECT count(*) FROM process", "0");
	assert_false(tt_tracker_is_busy(p->tracker));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, pipeline_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_running_agent_is_found_with_its_descendants),
		TEST(what_it_does_from_then_on_is_recorded),
		TEST(an_agent_inside_an_agent_is_its_own_session),
		TEST(a_child_with_a_smaller_number_has_its_parents_session),
		TEST(two_agents_are_two_sessions_with_a_slot_each),
		TEST(an_orphan_is_not_linked),
		TEST(a_parent_with_a_reused_number_is_none),
		TEST(a_child_born_during_the_walk_is_its_parents),
		TEST(a_walk_that_found_no_end_is_a_loss),
		TEST(what_is_watched_already_is_left_alone),
		TEST(an_agent_that_starts_during_the_scan_is_one_session),
		TEST(nothing_is_found_where_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
