/* SPDX-License-Identifier: Apache-2.0 */
/* What happened on a machine, told record by record, and what the database then says. */
#include <signal.h>
#include <sys/resource.h>

#include "unit/daemon/pipeline.h"

#define MS  FRAMES_MS
#define SEC FRAMES_S

static const char *const claude_argv[] = { "claude", "--verbose", NULL };

/* ---- who is an agent */

static void a_recognised_agent_is_a_session(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1);
	const char *env[] = { "TZ=Asia/Shanghai", "SECRET=hunter2", NULL };
	struct exec_opts opts = { .exe = "/usr/bin/claude",
				  .argv = claude_argv,
				  .env = env,
				  .flags = TT_EVF_NEW_SLOT,
				  .tty = 136 << 20 | 3 };

	frames_exec(&p->frames, SEC, claude, &opts);
	read_file(p, SEC + 1, claude, "/home/u/.ssh/id_rsa");
	frames_env(&p->frames, SEC + 2, claude, "TZ", TT_ENV_GETENV, 1);
	frames_exit(&p->frames, SEC + 3, claude, 3 << 8);
	play(p);
	assert_int_equal(p->started, 1);
	assert_true(pipeline_verdicts[1].given && pipeline_verdicts[1].tracked);
	tick(p, 2 * SEC);

	assert_query(
		p,
		"SELECT agent || ' ' || agent_name || ' ' || tty || ' ' || exit_status || ' ' || complete"
		" || ' ' || process_count || ' ' || command FROM session",
		"claude-code Claude Code pts/3 3 1 1 [\"claude\",\"--verbose\"]");
	assert_query(p, "SELECT started_ns || ' ' || (ended_ns > started_ns) FROM session",
		     "1700000001000000000 1");
	assert_query(p, "SELECT role || ' ' || exe || ' ' || exit_status FROM process",
		     "agent /usr/bin/claude 3");
	assert_query(p, "SELECT seq || exe || result FROM process_exec", "0/usr/bin/claude0");
	assert_query(p,
		     "SELECT op || ' ' || path || ' ' || coalesce(category, '-') FROM file_access"
		     " ORDER BY first_ns",
		     "exec /usr/bin/claude - read /home/u/.ssh/id_rsa credential");
	assert_query(p,
		     "SELECT name || ' ' || source || ' ' || coalesce(value, '-') FROM env_lookup"
		     " ORDER BY row_id",
		     "TZ exec Asia/Shanghai SECRET exec - TZ getenv -");
	assert_query(p, "SELECT score || ' ' || level || ' ' || complete FROM risk_record", "40.0 medium 1");
	assert_query(p, "SELECT score || ' ' || level FROM session", "40.0 medium");
	assert_query(p, "SELECT count(*) FROM loss", "0");
	assert_int_equal(p->ended, 1);
}

static void an_ignored_candidate_leaves_no_row(void **state)
{
	static const char *const argv[] = { "node", "build.js", NULL };
	struct pipeline *p = *state;
	struct frames_task node = task(100, 1), child = task(101, 1);
	struct file_opts file = { .path = "/etc/passwd" };
	struct tt_agg_key key = file_key(node, &file);

	start(p, SEC, node, "/usr/bin/node", argv);
	read_file(p, SEC + 1, node, "/home/u/.ssh/id_rsa");
	spawn(p, SEC + 2, node, child, "/usr/bin/git", 0);
	read_file(p, SEC + 4, child, "/etc/passwd");
	frames_env(&p->frames, SEC + 5, child, "TZ", TT_ENV_GETENV, 1);
	frames_total(&p->frames, SEC + 5, node, &key, 9, FRAMES_FINAL);
	frames_exit(&p->frames, SEC + 6, child, 0);
	frames_exit(&p->frames, SEC + 7, node, 0);
	play(p);
	lose(p, SEC + 8, 1, "file", "file_access", 5);
	assert_true(pipeline_verdicts[1].given);
	assert_false(pipeline_verdicts[1].tracked);
	finish(p, 2 * SEC);

	assert_query(p,
		     "SELECT (SELECT count(*) FROM session) + (SELECT count(*) FROM process)"
		     " + (SELECT count(*) FROM process_exec) + (SELECT count(*) FROM file_access)"
		     " + (SELECT count(*) FROM env_lookup) + (SELECT count(*) FROM loss)",
		     "0");
	assert_int_equal(p->started, 0);
}

static const char *const env_argv[] = { "/usr/bin/env", "node", "/usr/bin/gemini", NULL };
static const char *const node_argv[] = { "node", "/usr/bin/gemini", NULL };
static const struct exec_opts env_exec = { .exe = "/usr/bin/env",
					   .filename = "/usr/bin/gemini",
					   .interp = "/usr/bin/env",
					   .argv = env_argv,
					   .flags = TT_EVF_CANDIDATE | TT_EVF_NEW_SLOT };
static const struct exec_opts node_exec = { .exe = "/usr/bin/node",
					    .argv = node_argv,
					    .flags = TT_EVF_CANDIDATE | TT_EVF_NEW_SLOT };

static void a_wrapper_that_is_no_agent_does_not_take_the_agent_with_it(void **state)
{
	struct pipeline *p = *state;
	struct frames_task before = task(100, 1), after = task(100, 2), tool = task(101, 2);

	/* both in the rings before anybody judges: the second has a slot of its own */
	frames_exec(&p->frames, SEC, before, &env_exec);
	read_file(p, SEC + 1, before, "/etc/ld.so.cache");
	frames_exec(&p->frames, SEC + 2, after, &node_exec);
	read_file(p, SEC + 3, after, "/home/u/.ssh/id_rsa");
	spawn(p, SEC + 4, after, tool, "/usr/bin/env", 0);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT agent || ' ' || agent_version FROM session", "gemini-cli 0.9.1");
	assert_query(p, "SELECT role || exe FROM process ORDER BY pid",
		     "agent/usr/bin/node tool/usr/bin/env");
	assert_query(p, "SELECT path FROM file_access WHERE op = 'read'", "/home/u/.ssh/id_rsa");
	assert_false(pipeline_verdicts[1].tracked);
	assert_true(pipeline_verdicts[2].tracked);
}

static const struct tt_session *run(struct pipeline *p, struct frames_task who, const char *name);

static void env_then_node_in_one_pid_is_one_process_with_two_execs(void **state)
{
	struct pipeline *p = *state;
	struct frames_task root = task(100, 1), after = task(100, 2);

	run(p, root, NULL);
	frames_exec(&p->frames, SEC, root, &env_exec);
	read_file(p, SEC + 1, root, "/etc/ld.so.cache");
	frames_exec(&p->frames, SEC + 2, after, &node_exec);
	frames_exit(&p->frames, SEC + 3, after, 0);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT seq || exe FROM process_exec ORDER BY seq", "0/usr/bin/env 1/usr/bin/node");
	assert_query(p, "SELECT agent || process_count || exit_status FROM session", "gemini-cli10");
	assert_query(p, "SELECT count(*) FROM file_access WHERE path = '/etc/ld.so.cache'", "1");
}

static void an_agent_is_known_by_the_program_that_it_became(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), helper = task(101, 1);
	struct exec_opts update = { .exe = "/opt/new/claude",
				    .argv = claude_argv,
				    .flags = TT_EVF_CANDIDATE };

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	frames_exec(&p->frames, SEC + 1, claude, &update);
	spawn(p, SEC + 2, claude, helper, "/opt/new/claude", 0);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT pid || role FROM process ORDER BY pid", "100agent 101runtime");
	assert_query(p, "SELECT count(*) FROM session", "1");
}

static void a_child_forked_before_the_verdict_is_kept_or_dropped_with_it(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), child = task(101, 1), node = task(102, 2),
			   other = task(103, 2);
	static const char *const argv[] = { "node", "build.js", NULL };

	/* the child acts in its first instant; all of it is in the rings before anybody judges */
	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	frames_fork(&p->frames, SEC + 1, claude, child);
	read_file(p, SEC + 1, child, "/home/u/.aws/credentials");
	start(p, SEC, node, "/usr/bin/node", argv);
	frames_fork(&p->frames, SEC + 1, node, other);
	read_file(p, SEC + 1, other, "/home/u/.ssh/id_rsa");
	play(p);
	tick(p, 2 * SEC);

	assert_query(p,
		     "SELECT p.pid || f.path FROM file_access f JOIN process p USING (process_id)"
		     " WHERE op = 'read'",
		     "101/home/u/.aws/credentials");
	assert_query(p,
		     "SELECT pid || ' ' || ppid || ' ' || (parent_process_id ="
		     " (SELECT process_id FROM process WHERE pid = 100)) FROM process WHERE pid = 101",
		     "101 100 1");
	assert_query(p, "SELECT count(*) FROM process", "2");
}

static void an_exec_by_another_thread_keeps_the_process(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1);
	const char *argv[] = { "git", NULL };
	struct exec_opts opts = { .exe = "/usr/bin/git", .argv = argv, .old_tid = 177 };

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	frames_exec(&p->frames, SEC + 1, claude, &opts);
	frames_exit(&p->frames, SEC + 2, claude, 0);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT exe || exit_status FROM process", "/usr/bin/git0");
	assert_query(p, "SELECT count(*) FROM process_exec", "2");
	assert_query(p, "SELECT count(*) FROM session WHERE ended_ns IS NOT NULL", "1");
}

static uint64_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(fixture_path(path), &st), 0);
	return st.st_ino;
}

/* All processes here have a root directory of their own, in our namespace. A forked child has its parent's, and is found by it
 * although /proc has it no more. */
static void what_another_root_has_is_called_by_our_name(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), gone = task(150, 1);
	struct exec_opts opts = { .exe = "/usr/bin/claude",
				  .argv = claude_argv,
				  .flags = TT_EVF_CANDIDATE | TT_EVF_NEW_SLOT,
				  .ino = inode("/root/usr/bin/claude"),
				  .mnt_ns = inode("/proc/self/ns/mnt") };
	struct file_opts file = { .path = "/home/u/project/build.js",
				  .ino = inode("/root/home/u/project/build.js") };
	char text[256];

	frames_exec(&p->frames, SEC, claude, &opts);
	frames_file(&p->frames, SEC + 1, claude, &file);
	frames_fork(&p->frames, SEC + 2, claude, gone);
	opts.exe = "/usr/bin/git";
	opts.ino = inode("/root/usr/bin/git");
	opts.parent = claude;
	opts.flags = 0;
	frames_exec(&p->frames, SEC + 3, gone, &opts);
	file.path = "/usr/bin/node";
	file.ino = inode("/root/usr/bin/node");
	frames_file(&p->frames, SEC + 4, gone, &file);
	file.ino = 1; /* it was another one then */
	frames_file(&p->frames, SEC + 5, gone, &file);
	file.ino = inode("/root/usr/bin/node");
	file.flags = TT_EVF_DELETED;
	file.op = TT_OP_WRITE;
	frames_file(&p->frames, SEC + 6, gone, &file);
	play(p);
	tick(p, 2 * SEC);

	snprintf(text, sizeof(text),
		 "SELECT coalesce(replace(host_path, '%s/root', '+'), '-') FROM file_access "
		 "ORDER BY first_ns",
		 fixture);
	assert_query(p, text, "+/usr/bin/claude +/home/u/project/build.js +/usr/bin/git +/usr/bin/node - -");
	snprintf(text, sizeof(text),
		 "SELECT coalesce(replace(host_exe, '%s/root', '+'), '-') FROM process ORDER BY pid",
		 fixture);
	assert_query(p, text, "+/usr/bin/claude +/usr/bin/git");
}

/* ---- agents and what they start */

static void an_agent_inside_an_agent_is_its_own_session(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), codex = task(101, 1), git = task(102, 1);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	spawn(p, SEC + 1, claude, codex, "/usr/bin/codex", TT_EVF_CANDIDATE);
	spawn(p, SEC + 3, codex, git, "/usr/bin/git", 0);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p,
		     "SELECT s.agent || ' in ' || o.agent FROM session s JOIN session o"
		     " ON o.session_id = s.parent_session_id",
		     "codex in claude-code");
	assert_query(
		p,
		"SELECT s.agent || ':' || p.pid || p.role FROM process p JOIN session s USING (session_id)"
		" ORDER BY pid",
		"claude-code:100agent codex:101agent codex:102tool");
	/* each counts what it has */
	assert_query(p, "SELECT agent || process_count FROM session ORDER BY agent", "claude-code1 codex2");
}

static void an_agent_that_starts_itself_again_is_the_same_session(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), helper = task(101, 1), sh = task(102, 1),
			   third = task(103, 1);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	spawn(p, SEC + 1, claude, helper, "/usr/bin/claude", TT_EVF_CANDIDATE);
	/* by way of a tool it is somebody's decision: another run */
	spawn(p, SEC + 3, claude, sh, "/usr/bin/sh", 0);
	spawn(p, SEC + 5, sh, third, "/usr/bin/claude", TT_EVF_CANDIDATE);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT pid || role FROM process ORDER BY pid",
		     "100agent 101runtime 102tool 103agent");
	assert_query(p, "SELECT count(*) || ' ' || count(parent_session_id) FROM session", "2 1");
}

static void a_fork_without_exec_is_the_agents_own(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), child = task(101, 1), git = task(102, 1),
			   child_of_git = task(103, 1);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	frames_fork(&p->frames, SEC + 1, claude, child);
	spawn(p, SEC + 2, claude, git, "/usr/bin/git", 0);
	frames_fork(&p->frames, SEC + 4, git, child_of_git);
	play(p);
	tick(p, 2 * SEC);

	assert_query(
		p, "SELECT pid || role || exe FROM process ORDER BY pid",
		"100agent/usr/bin/claude 101runtime/usr/bin/claude 102tool/usr/bin/git 103tool/usr/bin/git");
	assert_query(p, "SELECT uid FROM process WHERE pid = 101", "1000");
}

static const struct tt_session *run(struct pipeline *p, struct frames_task who, const char *name)
{
	struct tt_process_key key = { .pid = who.pid, .start_ns = who.start_ns };
	const struct tt_session *session = NULL;

	assert_int_equal(tt_tracker_command(p->tracker, who.slot, &key, 50, 1000, name, &session), 0);
	return session;
}

static void a_command_is_called_after_the_outermost_agent_in_it(void **state)
{
	static const char *const argv[] = { "sh", "-c", "claude", NULL };
	struct pipeline *p = *state;
	struct frames_task root = task(100, 1), claude = task(101, 1), codex = task(102, 1);
	struct exec_opts sh = { .exe = "/usr/bin/sh", .argv = argv, .tty = 136 << 20 | 7 };

	run(p, root, NULL);
	tick(p, SEC);
	assert_query(p, "SELECT agent FROM session", "(command)");

	frames_exec(&p->frames, SEC, root, &sh);
	spawn(p, SEC + 1, root, claude, "/usr/bin/claude", TT_EVF_CANDIDATE);
	spawn(p, SEC + 3, claude, codex, "/usr/bin/codex", TT_EVF_CANDIDATE);
	frames_exit(&p->frames, SEC + 10, codex, 0);
	frames_exit(&p->frames, SEC + 11, claude, 7 << 8);
	frames_exit(&p->frames, SEC + 12, root, 0);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT agent FROM session ORDER BY started_ns", "claude-code codex");
	assert_query(p, "SELECT exit_status || tty FROM session WHERE agent = 'claude-code'", "7pts/7");
	assert_query(p,
		     "SELECT pid FROM process WHERE process_id = (SELECT root_process_id FROM session"
		     " WHERE agent = 'claude-code')",
		     "101");
	assert_query(p, "SELECT pid || role FROM process ORDER BY pid", "100tool 101agent 102agent");
}

static void a_command_without_agent_keeps_its_name(void **state)
{
	static const char *const argv[] = { "git", "status", NULL };
	struct pipeline *p = *state;
	struct frames_task root = task(100, 1);
	const char *env[] = { "A=1", NULL };
	struct exec_opts git = { .exe = "/usr/bin/git", .argv = argv, .env = env };

	run(p, root, "mine");
	frames_exec(&p->frames, SEC, root, &git);
	frames_exit(&p->frames, SEC + 1, root, 9);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT agent || ' ' || command || ' ' || exit_status || ' ' || cwd FROM session",
		     "mine [\"git\",\"status\"] 137 /home/u/project");
	assert_query(p, "SELECT name || source FROM env_lookup", "Aexec");
}

/* Who follows it a second time would take it out of the session that it began. */
static void the_root_of_a_session_is_known_as_such(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), tool = task(101, 1), root = task(102, 2),
			   other = task(103, 3);
	const struct frames_task *const roots[] = { &claude, &root }, *const no_roots[] = { &tool, &other };

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	spawn(p, SEC + 1, claude, tool, "/usr/bin/sh", 0);
	play(p);
	run(p, root, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		struct tt_process_key key = { .pid = roots[i]->pid, .start_ns = roots[i]->start_ns };
		struct tt_process_key reused = { .pid = key.pid, .start_ns = key.start_ns + 1 };

		assert_true(tt_tracker_is_root(p->tracker, &key));
		assert_false(tt_tracker_is_root(p->tracker, &reused));
	}
	for (size_t i = 0; i < ARRAY_SIZE(no_roots); i++) {
		struct tt_process_key key = { .pid = no_roots[i]->pid, .start_ns = no_roots[i]->start_ns };

		assert_false(tt_tracker_is_root(p->tracker, &key));
	}
}

/* A tool of an agent calls `telltale run`: the process is known, and gets a slot of its own. */
static void a_command_within_a_session_is_a_session_in_it(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), tool = task(101, 1);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	spawn(p, SEC + 1, claude, tool, "/usr/bin/sh", 0);
	play(p);
	tool.slot = 2;
	run(p, tool, NULL);
	tick(p, 2 * SEC);
	tick(p, 9 * SEC);

	assert_query(p,
		     "SELECT s.agent || ' in ' || o.agent FROM session s JOIN session o"
		     " ON o.session_id = s.parent_session_id",
		     "(command) in claude-code");
	assert_query(p, "SELECT agent || process_count FROM session ORDER BY agent",
		     "(command)1 claude-code1");
	/* its slot is in use, whatever the process was known by before */
	assert_true(pipeline_verdicts[2].tracked);
	read_file(p, 9 * SEC + 1, tool, "/etc/passwd");
	play(p);
	tick(p, 10 * SEC);
	assert_query(p, "SELECT count(*) FROM file_access WHERE path = '/etc/passwd'", "1");
}

static void exit_status_is_the_shells(void **state)
{
	static const struct {
		int word;
		const char *status;
	} examples[] = { { 0, "0" },   { 3 << 8, "3" },	     { 255 << 8, "255" },
			 { 9, "137" }, { 11 | 0x80, "139" }, { 15, "143" } };
	struct pipeline *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct frames_task claude = task(100 + (uint32_t)i, 1 + i);
		char sql[96];

		start(p, SEC, claude, "/usr/bin/claude", claude_argv);
		frames_exit(&p->frames, SEC + 1, claude, examples[i].word);
		play(p);
		tick(p, SEC + 2);
		snprintf(sql, sizeof(sql),
			 "SELECT s.exit_status FROM session s JOIN process p USING (session_id) WHERE pid = "
			 "%u",
			 claude.pid);
		assert_query(p, sql, examples[i].status);
	}
}

/* ---- late and missing records */

static void an_outcome_after_the_exit_finds_its_process(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1);
	struct connect_opts tcp = {
		.addr = { 127, 0, 0, 1 }, .sock_id = 5, .state = TT_CONN_ABORTED, .first_ns = SEC + 1
	};

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	frames_exit(&p->frames, SEC + 2, claude, 0);
	frames_connect(&p->frames, SEC + 3, claude, &tcp);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT state || ' ' || address || ' ' || port || ' ' || duration_ns FROM connection",
		     "aborted 127.0.0.1 443 2");
	assert_query(p, "SELECT exe || exit_status FROM process", "/usr/bin/claude0");
}

static void deliver_connect(struct pipeline *p, uint64_t time_ns, struct frames_task who, uint8_t state)
{
	struct tt_event event = {
		.type = TT_EVENT_CONNECT,
		.time_ns = time_ns,
		.slot = who.slot,
		.process = { .pid = who.pid, .start_ns = who.start_ns },
		.key = { .op = TT_OP_CONNECT },
		.count = 1,
		.first_ns = SEC + 1,
		.last_ns = time_ns,
		.connect = { .family = AF_INET, .protocol = 6, .port = 443, .sock_id = 5, .state = state },
	};

	assert_int_equal(tt_tracker_event(&event, p->tracker), 0);
}

/* A socket that a living child has as well: its attempt goes on when the process has long gone. */
static void an_attempt_outlives_its_process_and_leaves_its_row_alone(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), child = task(101, 1);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	spawn(p, SEC + 1, claude, child, "/usr/bin/git", 0);
	frames_exit(&p->frames, SEC + 5, child, 4 << 8);
	play(p);
	deliver_connect(p, SEC + 3, child, TT_CONN_CONNECTING);
	for (uint64_t s = 2; s < 12; s++) {
		/* each sweep tells of it again */
		deliver_connect(p, SEC + 3, child, TT_CONN_CONNECTING);
		tick(p, s * SEC);
	}
	deliver_connect(p, 12 * SEC, child, TT_CONN_TIMEOUT);
	tick(p, 13 * SEC);

	assert_query(p,
		     "SELECT exe || exit_status || ' ' || (ended_ns IS NOT NULL) || ' ' || "
		     "(parent_process_id IS NOT"
		     " NULL) FROM process WHERE pid = 101",
		     "/usr/bin/git4 1 1");
	assert_query(p, "SELECT process_count FROM session", "2");
	/* the outcome is in the row of the attempt, or in the ledger */
	assert_query(p,
		     "SELECT (SELECT count(*) FROM connection WHERE state = 'timeout')"
		     " + (SELECT coalesce(sum(count), 0) FROM loss)",
		     "1");
}

static void activity_whose_fork_was_lost_has_a_process(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), unknown = task(101, 1);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	read_file(p, SEC + 1, unknown, "/etc/passwd");
	frames_exit(&p->frames, SEC + 2, unknown, 0);
	play(p);
	lose(p, SEC + 3, 1, "process", "fork", 1);
	tick(p, 2 * SEC);

	assert_query(
		p,
		"SELECT coalesce(exe, '?') || ' ' || coalesce(parent_process_id, '?') || ' ' || exit_status"
		" FROM process WHERE pid = 101",
		"? ? 0");
	assert_query(p, "SELECT count(*) FROM file_access WHERE path = '/etc/passwd'", "1");
	assert_query(p, "SELECT process_count || complete FROM session", "20");
	assert_query(p, "SELECT sensor || kind || count FROM loss", "processfork1");
}

static void an_exec_of_an_unknown_slot_is_silenced(void **state)
{
	struct pipeline *p = *state;
	struct frames_task stray = task(100, 9);
	struct exec_opts opts = { .exe = "/usr/bin/claude", .argv = claude_argv, .flags = TT_EVF_CANDIDATE };

	frames_exec(&p->frames, SEC, stray, &opts);
	read_file(p, SEC + 1, stray, "/etc/passwd");
	play(p);
	tick(p, 2 * SEC);

	assert_true(pipeline_verdicts[9].given && !pipeline_verdicts[9].tracked);
	assert_query(p, "SELECT count(*) FROM process", "0");
}

static void a_reused_pid_is_another_process(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), first = task(101, 1), second = task(101, 1);

	second.start_ns = SEC + 4;
	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	spawn(p, SEC + 1, claude, first, "/usr/bin/git", 0);
	frames_exit(&p->frames, SEC + 3, first, 1 << 8);
	spawn(p, SEC + 4, claude, second, "/usr/bin/sh", 0);
	read_file(p, SEC + 6, second, "/etc/passwd");
	play(p);
	tick(p, 2 * SEC);

	assert_query(
		p,
		"SELECT exe || coalesce(exit_status, '-') FROM process WHERE pid = 101 ORDER BY started_ns",
		"/usr/bin/git1 /usr/bin/sh-");
	assert_query(p,
		     "SELECT p.exe FROM file_access f JOIN process p USING (process_id)"
		     " WHERE path = '/etc/passwd'",
		     "/usr/bin/sh");
}

/* Its exit was lost, so it seemed, and it was looked for in /proc in vain: then the record comes after all. */
static void an_exit_after_all_leaves_the_row_alone(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), git = task(101, 1);

	/* proc(5): the 22nd field is the time of the start, in hundredths of a second */
	fixture_file("/proc/100/stat", "100 (claude) S 50 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 10 0\n");
	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	spawn(p, SEC + 1, claude, git, "/usr/bin/git", 0);
	play(p);
	for (uint64_t s = 2; s < 40; s++)
		tick(p, s * SEC);
	assert_query(p, "SELECT pid FROM process WHERE ended_ns IS NOT NULL", "101");

	frames_exit(&p->frames, 40 * SEC, git, 0);
	play(p);
	tick(p, 41 * SEC);
	assert_query(p, "SELECT exe || (ended_ns IS NOT NULL) FROM process WHERE pid = 101", "/usr/bin/git1");
	assert_query(p, "SELECT process_count || (ended_ns IS NULL) FROM session", "21");
}

static void a_session_that_lives_on_is_open_again(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), hidden = task(101, 1);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	frames_exit(&p->frames, SEC + 1, claude, 0);
	play(p);
	tick(p, SEC + 2);
	assert_query(p, "SELECT ended_ns IS NULL FROM session", "0");

	/* a child whose fork was lost turns out to live */
	read_file(p, SEC + 3, hidden, "/etc/passwd");
	play(p);
	tick(p, SEC + 4);
	assert_query(p, "SELECT ended_ns IS NULL FROM session", "1");
	frames_exit(&p->frames, SEC + 5, hidden, 0);
	play(p);
	tick(p, SEC + 6);
	assert_query(p, "SELECT ended_ns IS NULL FROM session", "0");
	assert_query(p, "SELECT exit_status FROM session", "0");
}

/* ---- counting */

/* Totals come straight from the kernel's map: in a flood they run ahead of what waits in the rings. */
static void a_total_that_overtakes_the_fork_does_not_make_an_orphan(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), child = task(101, 1);
	struct file_opts opts = { .path = "/etc/passwd" };
	struct tt_agg_key key = file_key(child, &opts);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	play(p);
	tick(p, 2 * SEC);
	frames_total(&p->frames, SEC + 2, child, &key, 3, FRAMES_UNSENT);
	play(p);
	frames_fork(&p->frames, SEC + 1, claude, child);
	frames_exit(&p->frames, SEC + 3, child, 0);
	frames_total(&p->frames, SEC + 2, child, &key, 3, FRAMES_UNSENT | FRAMES_FINAL);
	play(p);
	tick(p, 3 * SEC);

	assert_query(p,
		     "SELECT pid || ' ' || ppid || ' ' || (parent_process_id ="
		     " (SELECT process_id FROM process WHERE pid = 100)) FROM process WHERE pid = 101",
		     "101 100 1");
	assert_query(p, "SELECT kind || count FROM loss", "file_access3");
	assert_query(p, "SELECT complete FROM session", "0");
}

static void totals_that_were_never_sent_are_losses(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1);
	struct file_opts a = { .path = "/a" }, b = { .path = "/b" };
	struct tt_agg_key sent = file_key(claude, &a), unsent = file_key(claude, &b),
			  env = env_key(claude, "X", TT_ENV_GETENV);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	frames_file(&p->frames, SEC + 1, claude, &a);
	frames_exit(&p->frames, SEC + 9, claude, 0);
	frames_total(&p->frames, SEC + 5, claude, &sent, 11, FRAMES_SENT | FRAMES_FINAL);
	frames_total(&p->frames, SEC + 5, claude, &unsent, 7, FRAMES_FINAL);
	frames_total(&p->frames, SEC + 5, claude, &env, 2, FRAMES_FINAL);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT path || count FROM file_access WHERE op = 'read'", "/a11");
	assert_query(p, "SELECT sensor || ' ' || kind || ' ' || count FROM loss ORDER BY kind",
		     "env env_lookup 2 file file_access 7");
	assert_query(p, "SELECT count(*) FROM loss l JOIN process p USING (process_id, session_id)", "2");
	assert_query(p,
		     "SELECT s.complete || r.complete FROM session s JOIN risk_record r USING (session_id)",
		     "00");
}

static void a_renamed_file_gets_a_second_row_and_counts_stay_exact(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1);
	struct file_opts before = { .path = "/dir/f", .ino = 9 },
			 after = { .path = "/moved/f", .ino = 9, .flags = TT_EVF_AGAIN, .count = 5 };
	struct tt_agg_key key = file_key(claude, &before);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	frames_file(&p->frames, SEC + 1, claude, &before);
	frames_count(&p->frames, SEC + 2, claude, &key, 4);
	frames_file(&p->frames, SEC + 3, claude, &after);
	frames_count(&p->frames, SEC + 4, claude, &key, 8);
	frames_total(&p->frames, SEC + 5, claude, &key, 9, FRAMES_SENT | FRAMES_FINAL);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT path || count FROM file_access WHERE op = 'read' ORDER BY row_id",
		     "/dir/f4 /moved/f5");
}

static void operations_that_were_not_aggregated_count(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1);
	struct file_opts alone = { .path = "/f", .flags = TT_EVF_UNAGGREGATED };
	struct file_opts kept = { .path = "/f" };
	struct tt_agg_key key = file_key(claude, &kept);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	for (int i = 0; i < 3; i++)
		frames_file(&p->frames, SEC + 1 + i, claude, &alone);
	frames_file(&p->frames, SEC + 10, claude, &kept);
	frames_file(&p->frames, SEC + 11, claude, &alone);
	frames_total(&p->frames, SEC + 12, claude, &key, 6, FRAMES_SENT | FRAMES_FINAL);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT sum(count) FROM file_access WHERE path = '/f'", "10");
}

static void a_failed_exec_is_an_exec_and_a_file(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1);
	struct file_opts failed = { .user = "/opt/x", .op = TT_OP_EXEC, .result = -ENOENT };

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	frames_file(&p->frames, SEC + 1, claude, &failed);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT seq || exe || result FROM process_exec ORDER BY seq",
		     "0/usr/bin/claude0 1/opt/x-2");
	assert_query(p, "SELECT op || path || result || path_source FROM file_access WHERE result < 0",
		     "exec/opt/x-2user");
}

/* ---- losses */

static void a_loss_makes_every_session_of_its_slot_incomplete(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), codex = task(101, 1), other = task(102, 2);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	spawn(p, SEC + 1, claude, codex, "/usr/bin/codex", TT_EVF_CANDIDATE);
	start(p, SEC, other, "/usr/bin/codex", claude_argv);
	play(p);
	lose(p, SEC + 5, 1, "file", "file_access", 4);
	lose(p, SEC + 6, 1, "file", "file_access", 3);
	tick(p, 2 * SEC);

	/* whose of the two it is nobody knows: it is booked on neither, and shown with both */
	assert_query(p, "SELECT coalesce(session_id, '-') || sensor || kind || sum(count) FROM loss",
		     "-filefile_access7");
	assert_query(p,
		     "SELECT s.complete FROM session s JOIN process p ON p.process_id = s.root_process_id"
		     " ORDER BY p.pid",
		     "0 0 1");
}

static void a_loss_of_nobody_in_particular_concerns_all_that_live(void **state)
{
	struct pipeline *p = *state;
	struct frames_task over = task(100, 1), lives = task(101, 2);

	start(p, SEC, over, "/usr/bin/claude", claude_argv);
	frames_exit(&p->frames, SEC + 1, over, 0);
	start(p, SEC, lives, "/usr/bin/codex", claude_argv);
	play(p);
	tick(p, SEC + 2);
	lose(p, SEC + 5, 0, "process", "task", 1);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT agent || complete FROM session ORDER BY agent", "claude-code1 codex0");
	assert_query(p, "SELECT coalesce(session_id, '-') || kind FROM loss", "-task");
}

static void an_environment_that_is_not_whole_makes_the_session_incomplete(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1);
	struct exec_opts opts = { .exe = "/usr/bin/claude",
				  .argv = claude_argv,
				  .flags = TT_EVF_CANDIDATE | TT_EVF_NEW_SLOT | TT_EVF_ENV_CUT };

	frames_exec(&p->frames, SEC, claude, &opts);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT complete FROM session", "0");
	assert_query(p, "SELECT sensor || count FROM loss", "env1");
}

/* ---- limits */

static void a_full_table_is_counted(void **state)
{
	struct pipeline *p;
	struct frames_task claude = task(100, 1), git = task(101, 1), third = task(102, 1);

	pipeline_free(*state);
	*state = p = pipeline_new(2);
	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	spawn(p, SEC + 1, claude, git, "/usr/bin/git", 0);
	frames_fork(&p->frames, SEC + 3, claude, third);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT group_concat(pid) FROM (SELECT pid FROM process ORDER BY pid)", "100,101");
	assert_query(p, "SELECT sensor || kind || count FROM loss", "processtable_full1");
	assert_query(p, "SELECT complete FROM session", "0");

	/* one that ended makes room, and its rows stay */
	frames_exit(&p->frames, 2 * SEC + 1, git, 0);
	frames_fork(&p->frames, 2 * SEC + 2, claude, third);
	play(p);
	tick(p, 3 * SEC);
	assert_query(p, "SELECT group_concat(pid) FROM (SELECT pid FROM process ORDER BY pid)",
		     "100,101,102");
	assert_query(p, "SELECT exe || exit_status FROM process WHERE pid = 101", "/usr/bin/git0");
}

/* Opens of distinct, long names, each once, until the batch has no room; then their final totals. */
static void a_full_batch_loses_exactly_what_it_says(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1);
	enum { FILES = 5000 };
	static char path[4000];

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	play(p);
	memset(path, 'n', sizeof(path) - 1);
	path[0] = '/';
	for (int half = 0; half < 2; half++) {
		for (int i = half * FILES / 2; i < (half + 1) * FILES / 2; i++) {
			struct file_opts opts = { .path = path, .ino = 1 + (uint64_t)i };

			snprintf(path + 1, 16, "%08d", i);
			path[9] = 'n';
			frames_file(&p->frames, SEC + 1 + i, claude, &opts);
		}
		play(p);
	}
	/* once more each, and the end: the kernel's totals say 2 */
	frames_exit(&p->frames, SEC + 2 * FILES, claude, 0);
	for (int i = 0; i < FILES; i++) {
		struct file_opts opts = { .path = "/", .ino = 1 + (uint64_t)i };
		struct tt_agg_key key = file_key(claude, &opts);

		frames_total(&p->frames, SEC + 2 * FILES, claude, &key, 2, FRAMES_SENT | FRAMES_FINAL);
	}
	play(p);
	tick(p, 2 * SEC);
	tick(p, 3 * SEC);

	assert_query(p,
		     "SELECT (SELECT sum(count) FROM file_access WHERE op = 'read') +"
		     " (SELECT sum(count) FROM loss WHERE kind = 'file_access')",
		     "10000");
	assert_query(p, "SELECT count(*) > 0 FROM loss WHERE kind = 'file_access'", "1");
	assert_query(p, "SELECT complete FROM session", "0");
	assert_query(p, "SELECT exit_status FROM process", "0");
}

/* ---- a store that fails */

/* A disk without room, by way of the limit on the size of files: any write fails at once. */
static void disk_is_full(bool full)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = full ? 1 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_a_failing_store_held_up_arrives_whole(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), git = task(101, 1);
	struct file_opts file = { .path = "/home/u/.ssh/id_rsa" };
	struct tt_agg_key key = file_key(git, &file);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	spawn(p, SEC + 1, claude, git, "/usr/bin/git", 0);
	play(p);
	tick(p, SEC + 3);
	frames_file(&p->frames, SEC + 4, git, &file);
	frames_exit(&p->frames, SEC + 6, git, 0);
	frames_exit(&p->frames, SEC + 7, claude, 0);
	frames_total(&p->frames, SEC + 5, git, &key, 3, FRAMES_SENT | FRAMES_FINAL);
	play(p);
	/* for longer than ended processes are kept otherwise */
	disk_is_full(true);
	assert_true(flush(p) < 0);
	for (uint64_t s = 2; s < 20; s += 3)
		assert_int_equal(tt_tracker_tick(p->tracker, s * SEC, false), 0);
	assert_true(flush(p) < 0);
	disk_is_full(false);
	tick(p, 20 * SEC);
	tick(p, 21 * SEC);

	assert_query(p, "SELECT path || count FROM file_access WHERE op = 'read'", "/home/u/.ssh/id_rsa3");
	assert_query(p, "SELECT pid || exit_status FROM process ORDER BY pid", "1000 1010");
	assert_query(p, "SELECT complete FROM session", "1");
	assert_query(p, "SELECT count(*) FROM loss", "0");
	/* each process has its record, made of everything it did */
	assert_query(p,
		     "SELECT p.pid || ':' || r.score FROM risk_record r JOIN process p USING (process_id)"
		     " ORDER BY p.pid",
		     "100:0.0 101:40.0");
	assert_query(p, "SELECT score FROM session", "40.0");
}

/* ---- editors */

#define EXTENSION "/home/u/.vscode/extensions/saoudrizwan.claude-dev-3.1.0/dist/extension.js"

static void an_extension_host_is_recognised_by_what_it_opens(void **state)
{
	static const char *const argv[] = { "code", "--type=utility", NULL };
	struct pipeline *p = *state;
	struct frames_task code = task(100, 1), host = task(101, 1), git = task(102, 1);

	start(p, SEC, code, "/usr/bin/code", argv);
	frames_fork(&p->frames, SEC + 1, code, host);
	read_file(p, SEC + 2, host, "/home/u/early");
	play(p);
	tick(p, SEC + 3);
	assert_query(p, "SELECT count(*) FROM process", "0");

	read_file(p, SEC + 4, host, EXTENSION);
	read_file(p, SEC + 5, host, "/home/u/.ssh/id_rsa");
	read_file(p, SEC + 5, code, "/home/u/not-its-business");
	spawn(p, SEC + 6, host, git, "/usr/bin/git", 0);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT agent || ' ' || agent_version FROM session", "cline 3.1.0");
	assert_query(p, "SELECT pid || role FROM process ORDER BY pid", "101agent 102tool");
	assert_query(p, "SELECT path FROM file_access WHERE op = 'read' ORDER BY first_ns",
		     EXTENSION " /home/u/.ssh/id_rsa");
	assert_query(p, "SELECT coverage LIKE '%recognised only after%' FROM process ORDER BY pid", "1 0");
	assert_int_equal(p->started, 1);

	/* the slot is the editor's, the loss is the session's all the same */
	lose(p, 2 * SEC + 1, 1, "file", "file_access", 6);
	tick(p, 3 * SEC);
	assert_query(p, "SELECT complete FROM session", "0");
	assert_query(p, "SELECT kind || count FROM loss", "file_access6");
}

static void an_editor_without_agents_leaves_nothing(void **state)
{
	static const char *const argv[] = { "code", NULL };
	struct pipeline *p = *state;
	struct frames_task code = task(100, 1);

	start(p, SEC, code, "/usr/bin/code", argv);
	read_file(p, SEC + 1, code, "/etc/passwd");
	play(p);
	lose(p, SEC + 2, 1, "file", "file_access", 6);
	finish(p, 2 * SEC);

	assert_query(p, "SELECT (SELECT count(*) FROM process) + (SELECT count(*) FROM loss)", "0");
	assert_true(pipeline_verdicts[1].tracked);
}

/* ---- hostile names */

static void odd_names_and_arguments_are_kept_as_they_are(void **state)
{
	static const char *const argv[] = { "claude", "two\nlines", "\xff\xfe", "", NULL };
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), bare = task(101, 1);
	static char path[TT_PATH_MAX];
	struct exec_opts no_argv = { .exe = "/usr/bin/git", .parent = claude };

	memset(path, 'a', sizeof(path) - 1);
	for (size_t i = 0; i < sizeof(path) - 1; i += 250)
		path[i] = '/';
	start(p, SEC, claude, "/usr/bin/claude", argv);
	read_file(p, SEC + 1, claude, path);
	read_file(p, SEC + 2, claude, "/tmp/\xc3\x28\nnew");
	frames_fork(&p->frames, SEC + 3, claude, bare);
	frames_exec(&p->frames, SEC + 4, bare, &no_argv);
	play(p);
	tick(p, 2 * SEC);

	assert_query(p, "SELECT length(path) FROM file_access WHERE path LIKE '/aaa%'", "4095");
	assert_query(p, "SELECT hex(path) FROM file_access WHERE path LIKE '/tmp/%'",
		     "2F746D702FC3280A6E6577");
	assert_query(p, "SELECT argv FROM process ORDER BY pid",
		     "[\"claude\",\"two\\nlines\",\"\xef\xbf\xbd\xef\xbf\xbd\",\"\"] []");
	assert_query(p, "SELECT json_valid(argv) + json_valid(coverage) FROM process", "2 2");
}

/* ---- ends */

static void the_end_of_telltale_closes_sessions_as_they_stand(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1);

	start(p, SEC, claude, "/usr/bin/claude", claude_argv);
	play(p);
	pipeline_process(100);
	finish(p, 5 * SEC);

	assert_query(p, "SELECT (ended_ns IS NOT NULL) || ' ' || coalesce(exit_status, '-') FROM session",
		     "1 -");
	assert_int_equal(p->ended, 1);
}

static void memory_goes_when_a_session_is_over(void **state)
{
	struct pipeline *p = *state;
	struct tt_tracker_stats stats;

	for (uint32_t i = 0; i < 60; i++) {
		struct frames_task claude = task(1000 + i, 1 + i), git = task(2000 + i, 1 + i);
		uint64_t at = SEC + i * SEC;

		start(p, at, claude, "/usr/bin/claude", claude_argv);
		spawn(p, at + 1, claude, git, "/usr/bin/git", 0);
		frames_exit(&p->frames, at + 4, git, 0);
		frames_exit(&p->frames, at + 5, claude, 0);
		play(p);
		tick(p, at + 6);
	}
	assert_true(tt_tracker_is_busy(p->tracker));
	tick(p, 300 * SEC);
	tick(p, 301 * SEC);

	assert_false(tt_tracker_is_busy(p->tracker));
	tt_tracker_get_stats(p->tracker, &stats);
	assert_int_equal(stats.sessions, 0);
	assert_int_equal(stats.processes, 0);
	assert_int_equal(stats.sessions_seen, 60);
	assert_int_equal(p->ended, 60);
	assert_query(p, "SELECT count(*) || ' ' || sum(process_count) FROM session", "60 120");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PIPELINE_TEST(a_recognised_agent_is_a_session),
		PIPELINE_TEST(an_ignored_candidate_leaves_no_row),
		PIPELINE_TEST(what_another_root_has_is_called_by_our_name),
		PIPELINE_TEST(a_wrapper_that_is_no_agent_does_not_take_the_agent_with_it),
		PIPELINE_TEST(an_agent_is_known_by_the_program_that_it_became),
		PIPELINE_TEST(env_then_node_in_one_pid_is_one_process_with_two_execs),
		PIPELINE_TEST(a_child_forked_before_the_verdict_is_kept_or_dropped_with_it),
		PIPELINE_TEST(an_exec_by_another_thread_keeps_the_process),
		PIPELINE_TEST(an_agent_inside_an_agent_is_its_own_session),
		PIPELINE_TEST(an_agent_that_starts_itself_again_is_the_same_session),
		PIPELINE_TEST(a_fork_without_exec_is_the_agents_own),
		PIPELINE_TEST(a_command_is_called_after_the_outermost_agent_in_it),
		PIPELINE_TEST(a_command_without_agent_keeps_its_name),
		PIPELINE_TEST(the_root_of_a_session_is_known_as_such),
		PIPELINE_TEST(a_command_within_a_session_is_a_session_in_it),
		PIPELINE_TEST(exit_status_is_the_shells),
		PIPELINE_TEST(an_outcome_after_the_exit_finds_its_process),
		PIPELINE_TEST(an_attempt_outlives_its_process_and_leaves_its_row_alone),
		PIPELINE_TEST(activity_whose_fork_was_lost_has_a_process),
		PIPELINE_TEST(an_exec_of_an_unknown_slot_is_silenced),
		PIPELINE_TEST(a_reused_pid_is_another_process),
		PIPELINE_TEST(an_exit_after_all_leaves_the_row_alone),
		PIPELINE_TEST(a_session_that_lives_on_is_open_again),
		PIPELINE_TEST(a_total_that_overtakes_the_fork_does_not_make_an_orphan),
		PIPELINE_TEST(totals_that_were_never_sent_are_losses),
		PIPELINE_TEST(a_renamed_file_gets_a_second_row_and_counts_stay_exact),
		PIPELINE_TEST(operations_that_were_not_aggregated_count),
		PIPELINE_TEST(a_failed_exec_is_an_exec_and_a_file),
		PIPELINE_TEST(a_loss_makes_every_session_of_its_slot_incomplete),
		PIPELINE_TEST(a_loss_of_nobody_in_particular_concerns_all_that_live),
		PIPELINE_TEST(an_environment_that_is_not_whole_makes_the_session_incomplete),
		PIPELINE_TEST(a_full_table_is_counted),
		PIPELINE_TEST(a_full_batch_loses_exactly_what_it_says),
		PIPELINE_TEST(what_a_failing_store_held_up_arrives_whole),
		PIPELINE_TEST(an_extension_host_is_recognised_by_what_it_opens),
		PIPELINE_TEST(an_editor_without_agents_leaves_nothing),
		PIPELINE_TEST(odd_names_and_arguments_are_kept_as_they_are),
		PIPELINE_TEST(the_end_of_telltale_closes_sessions_as_they_stand),
		PIPELINE_TEST(memory_goes_when_a_session_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
