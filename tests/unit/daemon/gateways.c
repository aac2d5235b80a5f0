/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a session's agent talks to in place of its vendor. */
#include "fixtures/wire.h"
#include "unit/daemon/pipeline.h"

#define SEC FRAMES_S

static const char *const claude_argv[] = { "claude", NULL };

static void exec_with(struct pipeline *p, uint64_t time_ns, struct frames_task who, const char *exe,
		      const char *variable, uint16_t flags)
{
	const char *env[] = { variable, NULL };
	struct exec_opts opts = { .exe = exe, .argv = claude_argv, .env = env, .flags = flags };

	frames_exec(&p->frames, time_ns, who, &opts);
}

static void start_with(struct pipeline *p, struct frames_task who, const char *variable)
{
	exec_with(p, SEC, who, "/usr/bin/claude", variable, TT_EVF_NEW_SLOT);
	play(p);
}

/* A connection over which the process sends what it says. */
static void say(struct pipeline *p, struct frames_task who, uint64_t sock_id, const void *data, size_t len)
{
	struct tt_process_key key = { .start_ns = who.start_ns, .pid = who.pid };
	struct tt_event connect = {
		.type = TT_EVENT_CONNECT,
		.slot = who.slot,
		.time_ns = 2 * SEC,
		.process = key,
		.key = { .op = TT_OP_CONNECT },
		.count = 1,
		.first_ns = 2 * SEC,
		.last_ns = 2 * SEC,
		.connect = { .addr = { 192, 0, 2, 7 },
			     .port = 443,
			     .family = AF_INET,
			     .protocol = IPPROTO_TCP,
			     .sock_id = sock_id,
			     .state = TT_CONN_ESTABLISHED },
	};
	struct tt_event payload = {
		.type = TT_EVENT_PAYLOAD,
		.slot = who.slot,
		.time_ns = 3 * SEC,
		.process = key,
		.payload = { .sock_id = sock_id,
			     .protocol = IPPROTO_TCP,
			     .total = (uint32_t)len,
			     .data = data,
			     .len = len },
	};

	assert_int_equal(tt_tracker_event(&connect, p->tracker), 0);
	assert_int_equal(tt_tracker_event(&payload, p->tracker), 0);
}

static void greet(struct pipeline *p, struct frames_task who, uint64_t sock_id, const char *name)
{
	uint8_t hello[1024];

	say(p, who, sock_id, hello, wire_client_hello(hello, name));
}

static void assert_gateway(struct pipeline *p, const char *expected)
{
	tick(p, 10 * SEC);
	assert_query(
		p,
		"SELECT coalesce(gateway, '-') || ' ' || coalesce(gateway_source, '-') FROM session ORDER BY "
		"started_ns",
		expected);
}

static void an_agent_given_anothers_url_uses_a_gateway(void **state)
{
	start_with(*state, task(100, 1),
		   "ANTHROPIC_BASE_URL=https://user:secret@LLM.example.com:8443/v1?k=v");
	assert_gateway(*state, "llm.example.com ANTHROPIC_BASE_URL");
}

static void an_agent_given_its_vendors_url_does_not(void **state)
{
	start_with(*state, task(100, 1), "ANTHROPIC_BASE_URL=https://eu.api.anthropic.com");
	assert_gateway(*state, "- -");
}

static void a_value_that_names_no_host_is_none(void **state)
{
	start_with(*state, task(100, 1), "ANTHROPIC_BASE_URL=sk-secret");
	assert_gateway(*state, "- -");
}

static void an_agent_that_talks_to_a_gateway_uses_it(void **state)
{
	struct frames_task claude = task(100, 1);

	start_with(*state, claude, "LANG=C");
	greet(*state, claude, 1, "api.anthropic.com");
	assert_gateway(*state, "- -");
	greet(*state, claude, 2, "eu.gateway.example");
	greet(*state, claude, 3, "us.gateway.example");
	assert_gateway(*state, "eu.gateway.example connection");
}

static void a_gateway_behind_a_proxy_is_one_and_the_proxy_is_not(void **state)
{
	static const char vendor[] = "CONNECT api.anthropic.com:443 HTTP/1.1\r\n\r\n",
			  gateway[] = "CONNECT x.gateway.example:443 HTTP/1.1\r\n\r\n";
	struct frames_task claude = task(100, 1);

	start_with(*state, claude, "HTTPS_PROXY=http://proxy.example.com:3128");
	say(*state, claude, 1, vendor, sizeof(vendor) - 1);
	assert_gateway(*state, "- -");
	say(*state, claude, 2, gateway, sizeof(gateway) - 1);
	assert_gateway(*state, "x.gateway.example connection");
}

static void what_it_was_given_stays_whatever_it_talks_to(void **state)
{
	struct frames_task claude = task(100, 1);

	start_with(*state, claude, "ANTHROPIC_BASE_URL=http://127.0.0.1:4000");
	greet(*state, claude, 1, "x.gateway.example");
	assert_gateway(*state, "127.0.0.1 ANTHROPIC_BASE_URL");
}

static void a_tools_doings_are_not_the_agents(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), git = task(101, 1);

	exec_with(p, SEC, claude, "/usr/bin/claude", "LANG=C", TT_EVF_NEW_SLOT);
	spawn(p, SEC + 1, claude, git, "/usr/bin/git", 0);
	exec_with(p, SEC + 2, git, "/usr/bin/git", "ANTHROPIC_BASE_URL=https://llm.example.com", 0);
	play(p);
	greet(p, git, 1, "x.gateway.example");
	assert_gateway(p, "- -");
	assert_query(p, "SELECT category FROM connection", "gateway");
}

static void an_agents_own_helper_speaks_for_it(void **state)
{
	struct pipeline *p = *state;
	struct frames_task claude = task(100, 1), helper = task(101, 1);

	exec_with(p, SEC, claude, "/usr/bin/claude", "LANG=C", TT_EVF_NEW_SLOT);
	frames_fork(&p->frames, SEC + 1, claude, helper);
	play(p);
	greet(p, helper, 1, "x.gateway.example");
	assert_gateway(p, "x.gateway.example connection");
}

static void other_agents_have_other_variables(void **state)
{
	struct exec_opts opts = { .exe = "/usr/bin/codex",
				  .argv = (const char *const[]){ "codex", NULL },
				  .env = (const char *const[]){ "ANTHROPIC_BASE_URL=http://x.gateway.example",
								NULL },
				  .flags = TT_EVF_NEW_SLOT };
	struct pipeline *p = *state;

	frames_exec(&p->frames, SEC, task(100, 1), &opts);
	play(p);
	assert_gateway(p, "- -");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_setup, pipeline_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_agent_given_anothers_url_uses_a_gateway),
		TEST(an_agent_given_its_vendors_url_does_not),
		TEST(a_value_that_names_no_host_is_none),
		TEST(an_agent_that_talks_to_a_gateway_uses_it),
		TEST(a_gateway_behind_a_proxy_is_one_and_the_proxy_is_not),
		TEST(what_it_was_given_stays_whatever_it_talks_to),
		TEST(a_tools_doings_are_not_the_agents),
		TEST(an_agents_own_helper_speaks_for_it),
		TEST(other_agents_have_other_variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
