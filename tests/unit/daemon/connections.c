/* SPDX-License-Identifier: Apache-2.0 */
/* Connections through rows.h, as the tracker hands them in: what they carry, and whom they are to. */
#include "daemon/rows.h"

#include "fixtures/wire.h"
#include "unit/daemon/pipeline.h"

#define SEC FRAMES_S

static struct tt_rows *rows;

static const struct tt_process first = { .key = { .pid = 100, .start_ns = 1 }, .id = { "0000000000000002" } },
			       second = { .key = { .pid = 101, .start_ns = 2 },
					  .id = { "0000000000000003" } };
static struct tt_process asker, sibling;

static int setup(void **state)
{
	struct tt_row_session session = { .session_id = { "0000000000000001" },
					  .agent = "a",
					  .complete = true };
	struct tt_row_process process = { .process_id = first.id,
					  .session_id = session.session_id,
					  .role = "agent" };
	struct pipeline *p;

	pipeline_setup(state);
	p = *state;
	asker = first;
	sibling = second;
	asker.session = sibling.session = (struct tt_session *)&session; /* compared, never looked into */
	assert_int_equal(tt_batch_session(p->batch, &session), 0);
	assert_int_equal(tt_batch_process(p->batch, &process), 0);
	process.process_id = second.id;
	assert_int_equal(tt_batch_process(p->batch, &process), 0);
	return tt_rows_new(
		&(struct tt_rows_params){
			.batch = p->batch, .classifier = p->classifier, .first_row_id = 10, .max_keys = 64 },
		&rows);
}

static int teardown(void **state)
{
	tt_rows_free(rows);
	return pipeline_teardown(state);
}

static void connect_at(const struct tt_process *process, uint64_t sock_id, uint16_t port, uint64_t at_ns)
{
	struct tt_event event = {
		.type = TT_EVENT_CONNECT,
		.process = process->key,
		.key = { .op = TT_OP_CONNECT },
		.count = 1,
		.first_ns = at_ns,
		.last_ns = at_ns + 5,
		.connect = { .addr = { 192, 0, 2, 7 },
			     .port = port,
			     .family = AF_INET,
			     .protocol = IPPROTO_TCP,
			     .sock_id = sock_id,
			     .duration_ns = 5,
			     .state = TT_CONN_ESTABLISHED },
	};

	assert_int_equal(tt_rows_connection(rows, &event, process, EPOCH), 0);
}

static void connect_to(const struct tt_process *process, uint64_t sock_id, uint16_t port)
{
	connect_at(process, sock_id, port, SEC);
}

static void carried(uint64_t sock_id, uint64_t sent, uint64_t received, bool ended)
{
	struct tt_event event = {
		.type = TT_EVENT_FLOW,
		.time_ns = 3 * SEC,
		.flow = { .sock_id = sock_id,
			  .begin_ns = SEC,
			  .sent = sent,
			  .received = received,
			  .ended = ended },
	};

	assert_int_equal(tt_rows_flow(rows, &event, EPOCH), 0);
}

static void payload(const struct tt_process *process, uint64_t sock_id, uint32_t offset, const void *data,
		    size_t len)
{
	struct tt_event event = {
		.type = TT_EVENT_PAYLOAD,
		.process = process->key,
		.time_ns = 2 * SEC,
		.payload = { .sock_id = sock_id,
			     .protocol = IPPROTO_TCP,
			     .offset = offset,
			     .total = (uint32_t)len,
			     .data = data,
			     .len = len },
	};

	assert_int_equal(tt_rows_payload(rows, &event, process, EPOCH), 0);
}

static void greet(const struct tt_process *process, uint64_t sock_id, const char *name)
{
	uint8_t hello[1024];

	payload(process, sock_id, 0, hello, wire_client_hello(hello, name));
}

/* A message of the domain name system, to or from port 53. */
static void name_server(const struct tt_process *process, uint64_t at_ns, const char *name,
			const char *address)
{
	uint8_t message[512];
	struct tt_event event = {
		.type = TT_EVENT_PAYLOAD,
		.process = process->key,
		.time_ns = at_ns,
		.payload = { .port = 53,
			     .family = AF_INET,
			     .protocol = IPPROTO_UDP,
			     .inbound = address != NULL,
			     .data = message,
			     .len = wire_dns(message, name, address) },
	};

	assert_int_equal(tt_rows_payload(rows, &event, process, EPOCH), 0);
}

static void bytes_are_those_of_all_connections_of_a_row(void **state)
{
	struct pipeline *p = *state;

	connect_to(&asker, 1, 443);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT bytes_sent IS NULL AND bytes_received IS NULL FROM connection", "1");

	connect_to(&asker, 2, 443);
	carried(1, 10, 20, false);
	carried(1, 10, 25, true);
	carried(2, 3, 4, true);
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT count || ' ' || bytes_sent || ' ' || bytes_received || ' ' || duration_ns FROM "
		     "connection",
		     "2 13 29 4000000000");
}

static void what_nobody_has_seen_begin_is_nobodys(void **state)
{
	struct pipeline *p = *state;

	carried(7, 10, 20, true);
	greet(&asker, 7, "api.example.com");
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT count(*) FROM connection", "0");
}

static void a_hello_names_its_connection(void **state)
{
	struct pipeline *p = *state;

	connect_to(&asker, 1, 443);
	greet(&asker, 1, "API.example.com");
	assert_int_equal(flush(p), 0);
	assert_query(
		p, "SELECT hostname || ' ' || hostname_source || ' ' || hostname_confidence FROM connection",
		"api.example.com sni high");
}

static void a_hello_may_come_in_pieces_and_twice(void **state)
{
	struct pipeline *p = *state;
	uint8_t hello[1024];
	size_t len = wire_client_hello(hello, "api.example.com");

	connect_to(&asker, 1, 443);
	for (size_t at = 0; at < len; at += 7)
		payload(&asker, 1, (uint32_t)at, hello + at, len - at < 10 ? len - at : 10);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname FROM connection", "api.example.com");
}

static void a_hello_with_a_gap_names_nobody(void **state)
{
	struct pipeline *p = *state;
	uint8_t hello[1024];
	size_t len = wire_client_hello(hello, "api.example.com");

	connect_to(&asker, 1, 443);
	payload(&asker, 1, 0, hello, 20);
	payload(&asker, 1, 21, hello + 21, len - 21);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname IS NULL FROM connection", "1");
}

static void hosts_behind_one_address_are_rows_of_their_own(void **state)
{
	struct pipeline *p = *state;

	for (uint64_t id = 1; id <= 4; id++)
		connect_to(&asker, id, 443);
	carried(1, 1, 1, false);
	carried(2, 10, 10, false);
	greet(&asker, 1, "one.example.com");
	greet(&asker, 2, "two.example.com");
	greet(&asker, 3, "one.example.com");
	carried(1, 1, 1, true);
	carried(2, 10, 10, true);
	carried(3, 100, 100, true);
	assert_int_equal(flush(p), 0);

	assert_query(p,
		     "SELECT coalesce(hostname, '-') || ' ' || count || ' ' || coalesce(bytes_sent, 0) FROM "
		     "connection"
		     " ORDER BY hostname",
		     "- 1 0 one.example.com 2 101 two.example.com 1 10");
}

static void an_answer_names_what_is_connected_to_next(void **state)
{
	struct pipeline *p = *state;

	name_server(&asker, SEC / 2, "api.example.com", NULL);
	name_server(&asker, SEC / 2, "api.example.com", "192.0.2.7");
	connect_to(&asker, 1, 443);
	connect_to(&sibling, 2, 443);
	assert_int_equal(flush(p), 0);

	assert_query(p,
		     "SELECT hostname || ' ' || hostname_source || ' ' || hostname_confidence FROM "
		     "connection ORDER BY row_id",
		     "api.example.com dns high api.example.com dns medium");
	assert_query(p, "SELECT name || type || source || answers || result || count FROM name_lookup",
		     "api.example.comAdns[\"192.0.2.7\"]01");
}

static void an_answer_that_no_longer_holds_is_unsure(void **state)
{
	struct pipeline *p = *state;

	name_server(&asker, SEC, "old.example.com", "192.0.2.7"); /* for 300 seconds */
	connect_at(&asker, 1, 443, 359 * SEC);
	connect_at(&asker, 2, 444, 363 * SEC);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname_confidence FROM connection ORDER BY row_id", "high low");
}

static void an_answer_is_its_sessions_alone(void **state)
{
	struct pipeline *p = *state;

	name_server(&asker, SEC / 2, "api.example.com", "192.0.2.7");
	sibling.session = NULL;
	connect_to(&sibling, 1, 443);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname IS NULL FROM connection", "1");
}

static void of_two_answers_that_fit_neither_is_sure(void **state)
{
	struct pipeline *p = *state;

	name_server(&asker, SEC / 2, "one.example.com", "192.0.2.7");
	name_server(&asker, SEC / 2, "two.example.com", "192.0.2.7");
	connect_to(&asker, 1, 443);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname_confidence FROM connection", "low");
}

static void a_hello_is_better_than_an_answer_and_the_answer_is_kept(void **state)
{
	struct pipeline *p = *state;

	name_server(&asker, SEC / 2, "told.example.com", "192.0.2.7");
	connect_to(&asker, 1, 443);
	greet(&asker, 1, "said.example.com");
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname || ' ' || hostname_source || ' ' || names FROM connection",
		     "said.example.com sni [{\"name\":\"said.example.com\",\"source\":\"sni\"},"
		     "{\"name\":\"told.example.com\",\"source\":\"dns\"}]");
}

static void many_questions_are_all_rows(void **state)
{
	struct pipeline *p = *state;
	char name[32];

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		name_server(&asker, SEC, name, NULL);
		if (i % 500 == 0)
			assert_int_equal(flush(p), 0);
	}
	name_server(&asker, SEC, "n0.example.com", NULL); /* forgotten, and another row */
	name_server(&asker, SEC, "n2999.example.com", NULL);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT count(*) || ' ' || sum(count) FROM name_lookup", "3001 3002");
}

/* The same, not made by the process. */
static void comes_in(uint64_t sock_id, uint16_t port, uint8_t state)
{
	struct tt_event event = {
		.type = TT_EVENT_CONNECT,
		.process = asker.key,
		.key = { .op = TT_OP_CONNECT },
		.count = 1,
		.first_ns = SEC,
		.last_ns = SEC,
		.connect = { .addr = { 192, 0, 2, 7 },
			     .local_addr = { 192, 0, 2, 1 },
			     .port = port,
			     .local_port = 8080,
			     .family = AF_INET,
			     .protocol = IPPROTO_TCP,
			     .sock_id = sock_id,
			     .inward = true,
			     .state = state },
	};

	assert_int_equal(tt_rows_connection(rows, &event, &asker, EPOCH), 0);
}

static void what_comes_in_is_a_row_for_each_address_and_door(void **state)
{
	struct pipeline *p = *state;

	name_server(&asker, SEC / 2, "told.example.com", "192.0.2.7");
	comes_in(1, 40000, TT_CONN_ESTABLISHED);
	comes_in(2, 40001, TT_CONN_ESTABLISHED);
	comes_in(3, 40002, TT_CONN_INHERITED);
	carried(1, 10, 20, true);
	carried(2, 1, 2, true);
	carried(3, 5, 6, false);
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT group_concat(direction || ' ' || state || ' ' || count || ' ' || port || ' ' || "
		     "local_port || ' ' || bytes_sent || ' ' || bytes_received || coalesce(hostname, ''), ', "
		     "') FROM "
		     "(SELECT * FROM connection ORDER BY state)",
		     "in established 2 40000 8080 11 22, in inherited 1 40002 8080 5 6");
	assert_query(p, "SELECT connections FROM risk_record WHERE process_id = '0000000000000002'", "3");
}

static void a_sweep_that_knows_less_takes_nothing_back(void **state)
{
	struct pipeline *p = *state;

	connect_to(&asker, 1, 443);
	carried(1, 10, 20, false);
	carried(1, 30, 10, false);
	carried(1, 20, 15, false);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT bytes_sent || ' ' || bytes_received || ' ' || duration_ns FROM connection",
		     "30 20 2000000000");
}

/* What is told of a place, which has no other name where path is NULL. */
static struct tt_event at_place(uint16_t op, const char *path, uint64_t count, uint64_t bytes)
{
	return (struct tt_event){
		.type = TT_EVENT_CONNECT,
		.process = asker.key,
		.key = { .start_ns = asker.key.start_ns,
			 .pid = asker.key.pid,
			 .op = op,
			 .ident = path ? 1 : 2 },
		.count = count,
		.bytes = bytes,
		.first_ns = SEC,
		.last_ns = SEC,
		.connect = { .addr = { 192, 0, 2, path ? 0 : 7 },
			     .port = path ? 0 : 4000,
			     .local_port = 8080,
			     .family = path ? AF_UNIX : AF_INET,
			     .protocol = path ? SOCK_STREAM : IPPROTO_UDP,
			     .inward = op == TT_OP_ACCEPT,
			     .unix_path = path },
	};
}

static void told(uint16_t op, const char *path, uint64_t count, uint64_t bytes)
{
	struct tt_event event = at_place(op, path, count, bytes);

	assert_int_equal(tt_rows_connection(rows, &event, &asker, EPOCH), 0);
}

static void total(uint16_t op, const char *path, uint64_t count, uint64_t bytes, bool final)
{
	struct tt_event event = at_place(op, path, count, bytes);
	uint64_t lost;

	event.type = TT_EVENT_TOTAL;
	event.final = final;
	assert_int_equal(tt_rows_count(rows, &event, EPOCH, &lost), 1);
	assert_int_equal(lost, 0);
}

static void listening_is_no_connection(void **state)
{
	struct pipeline *p = *state;

	told(TT_OP_LISTEN, NULL, 1, 0);
	total(TT_OP_LISTEN, NULL, 3, 0, true);
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT direction || ' ' || state || ' ' || count || ' ' || local_port || ' ' || "
		     "(address IS NULL AND port IS NULL AND category IS NULL) FROM connection",
		     "listen listening 3 8080 1");
	assert_query(p, "SELECT connections FROM risk_record WHERE process_id = '0000000000000002'", "0");
}

static void datagrams_belong_to_whom_the_process_connected_to(void **state)
{
	struct pipeline *p = *state;

	told(TT_OP_CONNECT, NULL, 1, 0);
	told(TT_OP_SENT, NULL, 1, 10);
	told(TT_OP_RECEIVED, NULL, 1, 100);
	total(TT_OP_SENT, NULL, 5, 50, true);
	told(TT_OP_SENT, NULL, 1, 7); /* begins anew */
	total(TT_OP_CONNECT, NULL, 2, 0, false);
	total(TT_OP_SENT, NULL, 2, 9, false);
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT direction || ' ' || state || ' ' || count || ' ' || bytes_sent || ' ' || "
		     "bytes_received FROM connection",
		     "out connected 2 59 100");
}

static void datagrams_from_nobody_known_come_in(void **state)
{
	struct pipeline *p = *state;
	struct tt_event alone = at_place(TT_OP_RECEIVED, NULL, 1, 5);

	told(TT_OP_RECEIVED, NULL, 1, 10);
	total(TT_OP_RECEIVED, NULL, 3, 30, false);
	alone.flags = TT_EVF_UNAGGREGATED;
	assert_int_equal(tt_rows_connection(rows, &alone, &asker, EPOCH), 0);
	told(TT_OP_SENT, NULL, 1, 4);
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT direction || ' ' || state || ' ' || count || ' ' || bytes_sent || ' ' || "
		     "bytes_received FROM connection",
		     "in received 4 4 35");
}

static void bytes_may_be_told_before_the_call_that_sent_them(void **state)
{
	struct pipeline *p = *state;
	struct tt_event event = at_place(TT_OP_SENT, NULL, 2, 20);

	event.connect.from_user = true;
	assert_int_equal(tt_rows_connection(rows, &event, &asker, EPOCH), 0);
	told(TT_OP_SEND, NULL, 1, 0);
	total(TT_OP_SEND, NULL, 2, 0, false);
	total(TT_OP_SENT, NULL, 3, 30, false);
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT direction || ' ' || state || ' ' || count || ' ' || bytes_sent || ' ' || "
		     "bytes_received FROM connection",
		     "out sent 2 30 0");
}

static void the_two_ends_of_a_path_are_two_rows(void **state)
{
	struct pipeline *p = *state;
	struct tt_event event = at_place(TT_OP_RECEIVED, "/door", 1, 20);

	told(TT_OP_CONNECT, "/door", 1, 0);
	event.key.ident = 3;
	event.connect.inward = true;
	told(TT_OP_ACCEPT, "/door", 1, 0);
	told(TT_OP_SENT, "/door", 1, 20);
	assert_int_equal(tt_rows_connection(rows, &event, &asker, EPOCH), 0);
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT group_concat(direction || ' ' || unix_path || ' ' || bytes_sent || ' ' || "
		     "bytes_received, "
		     "', ') FROM (SELECT * FROM connection ORDER BY direction)",
		     "in /door 0 20, out /door 20 0");
}

static void what_has_no_row_for_want_of_room_is_said_to_be_lost(void **state)
{
	struct tt_event event = at_place(TT_OP_RECEIVED, NULL, 1, 5);

	for (uint16_t i = 0; i < 64; i++) {
		event.key.ident = 100u + i;
		event.connect.port = (uint16_t)(5000 + i);
		assert_int_equal(tt_rows_connection(rows, &event, &asker, EPOCH), 0);
	}
	event.key.ident = 200;
	event.connect.port = 6000;
	assert_int_equal(tt_rows_connection(rows, &event, &asker, EPOCH), -ENOSPC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_are_those_of_all_connections_of_a_row),
		TEST(what_nobody_has_seen_begin_is_nobodys),
		TEST(a_hello_names_its_connection),
		TEST(a_hello_may_come_in_pieces_and_twice),
		TEST(a_hello_with_a_gap_names_nobody),
		TEST(hosts_behind_one_address_are_rows_of_their_own),
		TEST(an_answer_names_what_is_connected_to_next),
		TEST(an_answer_that_no_longer_holds_is_unsure),
		TEST(an_answer_is_its_sessions_alone),
		TEST(many_questions_are_all_rows),
		TEST(of_two_answers_that_fit_neither_is_sure),
		TEST(a_hello_is_better_than_an_answer_and_the_answer_is_kept),
		TEST(what_comes_in_is_a_row_for_each_address_and_door),
		TEST(a_sweep_that_knows_less_takes_nothing_back),
		TEST(listening_is_no_connection),
		TEST(datagrams_belong_to_whom_the_process_connected_to),
		TEST(datagrams_from_nobody_known_come_in),
		TEST(bytes_may_be_told_before_the_call_that_sent_them),
		TEST(the_two_ends_of_a_path_are_two_rows),
		TEST(what_has_no_row_for_want_of_room_is_said_to_be_lost),
	};

	return cmocka_run_group_tests_name("daemon connections", tests, NULL, NULL);
}
