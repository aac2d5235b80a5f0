/* SPDX-License-Identifier: Apache-2.0 */
/* Connections through rows.h, as the tracker hands them in: what they carry, and whom they are to. */
#include "daemon/rows.h"

#include <xxhash.h>

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

/* By this hash rows are looked for. */
static void hosts_whose_names_have_one_hash_are_two(void **state)
{
	static const char a[] = "05aeb7ca0f34f7f2.example.com", b[] = "1ee2ef0ccd7799fa.example.com";
	struct pipeline *p = *state;

	assert_true(XXH3_64bits(a, strlen(a)) == XXH3_64bits(b, strlen(b)));
	for (uint64_t sock_id = 1; sock_id <= 4; sock_id++) {
		connect_to(&asker, sock_id, 443);
		greet(&asker, sock_id, sock_id == 2 ? b : a);
		carried(sock_id, sock_id, 0, true);
	}
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT group_concat(hostname || ' ' || count || ' ' || bytes_sent) FROM "
		     "(SELECT * FROM connection ORDER BY hostname)",
		     "05aeb7ca0f34f7f2.example.com 3 8,1ee2ef0ccd7799fa.example.com 1 2");
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
	connect_to(&sibling, 2, 444);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT coalesce(hostname_confidence, 'unknown') FROM connection ORDER BY row_id",
		     "low unknown");
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

/* Of all that share an address it is not known beforehand who is meant: no disagreement. */
static void a_hello_for_one_of_several_that_were_told_agrees(void **state)
{
	struct pipeline *p = *state;

	name_server(&asker, SEC / 2, "one.example.com", "192.0.2.7");
	name_server(&asker, SEC / 2, "two.example.com", "192.0.2.7");
	connect_to(&asker, 1, 443);
	greet(&asker, 1, "one.example.com");
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT hostname || ' ' || hostname_source || ' ' || hostname_confidence || ' ' || "
		     "coalesce(names, '-') FROM connection",
		     "one.example.com sni high -");
}

/* A client that resolves names itself gives its proxy an address. */
static void an_address_behind_a_proxy_has_a_name(void **state)
{
	static const char socks[] = "\4\1\1\xbb\xc0\0\2\x09";
	struct pipeline *p = *state;
	uint8_t hello[1024];
	size_t len = wire_client_hello(hello, "api.example.com");

	name_server(&asker, SEC / 2, "proxy.example.com", "192.0.2.7");
	connect_to(&asker, 1, 1080);
	payload(&asker, 1, 0, socks, sizeof(socks));
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname || ' ' || hostname_source FROM connection", "192.0.2.9 socks");

	payload(&asker, 1, sizeof(socks), hello, len);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname || ' ' || hostname_source || ' ' || names FROM connection",
		     "api.example.com sni [{\"name\":\"api.example.com\",\"source\":\"sni\"},"
		     "{\"name\":\"192.0.2.9\",\"source\":\"socks\"},"
		     "{\"name\":\"proxy.example.com\",\"source\":\"dns\"}]");

	name_server(&asker, SEC / 2, "told.example.com", "192.0.2.9");
	connect_to(&asker, 2, 1081);
	payload(&asker, 2, 0, socks, sizeof(socks));
	assert_int_equal(flush(p), 0);
	assert_query(
		p,
		"SELECT hostname || ' ' || hostname_source || ' ' || hostname_confidence FROM connection "
		"WHERE port = 1081",
		"told.example.com dns high");
}

static void the_connections_own_address_is_no_name(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: 192.0.2.7\r\n\r\n";
	struct pipeline *p = *state;

	connect_to(&asker, 1, 80);
	payload(&asker, 1, 0, request, sizeof(request) - 1);
	connect_to(&asker, 2, 443);
	greet(&asker, 2, "192.0.2.7");
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT count(hostname) || ' ' || count(*) FROM connection", "0 2");
}

static void a_category_follows_the_name(void **state)
{
	struct pipeline *p = *state;

	name_server(&asker, SEC, "docs.example.com", NULL);
	name_server(&asker, SEC, "docs.example.com", "192.0.2.7");
	connect_to(&asker, 1, 443);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT coalesce(category, '-') FROM connection", "-");

	greet(&asker, 1, "x.gateway.example");
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname || ' ' || category FROM connection", "x.gateway.example gateway");

	/* two in one row, of which one moves to another */
	connect_to(&sibling, 2, 443);
	connect_to(&sibling, 3, 443);
	greet(&sibling, 3, "api.anthropic.com");
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT count || coalesce(hostname, '-') || coalesce(category, '-') FROM connection "
		     "WHERE process_id = '0000000000000003' ORDER BY row_id",
		     "1docs.example.com- 1api.anthropic.commodel-api");
}

/* A call of getaddrinfo: asked at at_ns; and what it found, which is told later. */
static void look_up(const struct tt_process *process, uint64_t at_ns, uint64_t id, const char *name)
{
	struct tt_event event = {
		.type = TT_EVENT_LOOKUP,
		.process = process->key,
		.time_ns = at_ns,
		.lookup = { .id = id, .name = name },
	};

	assert_int_equal(tt_rows_lookup(rows, &event, process, EPOCH), 0);
}

static void looked_up(const struct tt_process *process, uint64_t at_ns, uint64_t id)
{
	static const struct tt_ev_address address = { .addr = { 192, 0, 2, 7 }, .family = AF_INET };
	struct tt_event event = {
		.type = TT_EVENT_LOOKUP_DONE,
		.process = process->key,
		.time_ns = at_ns,
		.lookup = { .id = id, .addresses = &address, .n = 1 },
	};

	assert_int_equal(tt_rows_lookup(rows, &event, process, EPOCH), 0);
}

static void a_connection_has_the_name_that_was_looked_up(void **state)
{
	struct pipeline *p = *state;

	look_up(&asker, SEC / 4, 1, "API.example.com.");
	looked_up(&asker, SEC / 2, 1);
	look_up(&asker, SEC / 2, 2, "gone.example.com");
	connect_to(&asker, 1, 443);
	connect_to(&sibling, 2, 443);
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT hostname || ' ' || hostname_source || ' ' || hostname_confidence FROM "
		     "connection ORDER BY row_id",
		     "api.example.com getaddrinfo high api.example.com getaddrinfo medium");
	assert_query(
		p,
		"SELECT name || ' ' || source || coalesce(' ' || answers || result, '') || (type IS NULL) || "
		"count FROM name_lookup ORDER BY row_id",
		"api.example.com getaddrinfo [\"192.0.2.7\"]011 gone.example.com getaddrinfo11");
}

/* ssh connects first, and so does Node: its callback runs before the list goes. */
static void what_is_given_back_late_names_what_was_connected_meanwhile(void **state)
{
	struct pipeline *p = *state;

	connect_at(&asker, 1, 442, SEC); /* before it asked */
	look_up(&asker, 2 * SEC, 1, "late.example.com");
	connect_at(&asker, 2, 443, 3 * SEC);
	connect_at(&sibling, 3, 444, 3 * SEC);
	looked_up(&asker, 4 * SEC, 1);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT port || coalesce(hostname, '') FROM connection ORDER BY port",
		     "442 443late.example.com 444");
}

static void a_call_is_its_processs_and_an_address_no_name(void **state)
{
	struct pipeline *p = *state;

	look_up(&asker, SEC / 4, 1, "one.example.com");
	looked_up(&sibling, SEC / 2, 1);
	looked_up(&asker, SEC / 2, 3);
	look_up(&asker, SEC / 2, 4, "192.0.2.7");
	look_up(&asker, SEC / 2, 5, "192.0.519");
	look_up(&asker, SEC / 2, 6, "fe80::1%eth0");
	look_up(&asker, SEC / 2, 7, "");
	connect_to(&asker, 1, 443);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname IS NULL FROM connection", "1");
	assert_query(p, "SELECT name || (answers IS NULL) FROM name_lookup", "one.example.com1");
}

static void what_sources_agree_on_is_the_name_servers(void **state)
{
	struct pipeline *p = *state;

	look_up(&asker, SEC / 4, 1, "api.example.com");
	name_server(&asker, SEC / 3, "api.example.com", "192.0.2.7");
	looked_up(&asker, SEC / 2, 1);
	connect_to(&asker, 1, 443);
	assert_int_equal(flush(p), 0);
	assert_query(
		p,
		"SELECT hostname || ' ' || hostname_source || ' ' || hostname_confidence || (names IS NULL) "
		"FROM connection",
		"api.example.com dns high1");
}

static void a_short_name_is_the_whole_ones(void **state)
{
	struct pipeline *p = *state;

	look_up(&asker, SEC / 4, 1, "api");
	name_server(&asker, SEC / 3, "api.example.com", "192.0.2.7");
	looked_up(&asker, SEC / 2, 1);
	connect_to(&asker, 1, 443);
	assert_int_equal(flush(p), 0);
	assert_query(
		p,
		"SELECT hostname || ' ' || hostname_source || ' ' || hostname_confidence || (names IS NULL) "
		"FROM connection",
		"api.example.com dns high1");
}

static void what_sources_disagree_on_is_kept(void **state)
{
	struct pipeline *p = *state;

	name_server(&asker, SEC / 3, "one.example.com", "192.0.2.7");
	look_up(&asker, SEC / 2, 1, "two.example.com");
	looked_up(&asker, SEC / 2, 1);
	connect_to(&asker, 1, 443);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT hostname || ' ' || hostname_confidence || ' ' || names FROM connection",
		     "two.example.com low [{\"name\":\"two.example.com\",\"source\":\"getaddrinfo\"},"
		     "{\"name\":\"one.example.com\",\"source\":\"dns\"}]");
}

/* Until the process says which: it was told both. */
static void a_hello_settles_what_sources_disagree_on(void **state)
{
	struct pipeline *p = *state;

	name_server(&asker, SEC / 3, "one.example.com", "192.0.2.7");
	look_up(&asker, SEC / 2, 1, "two.example.com");
	looked_up(&asker, SEC / 2, 1);
	connect_to(&asker, 1, 443);
	greet(&asker, 1, "two.example.com");
	connect_to(&asker, 2, 444);
	greet(&asker, 2, "one.example.com");
	connect_to(&asker, 3, 445);
	greet(&asker, 3, "three.example.com");
	assert_int_equal(flush(p), 0);
	assert_query(
		p,
		"SELECT port || ' ' || hostname || ' ' || hostname_source || ' ' || coalesce(names, '-') "
		"FROM connection ORDER BY port",
		"443 two.example.com sni - 444 one.example.com sni - "
		"445 three.example.com sni [{\"name\":\"three.example.com\",\"source\":\"sni\"},"
		"{\"name\":\"two.example.com\",\"source\":\"getaddrinfo\"}]");
}

static void calls_that_fail_for_ever_do_not_pile_up(void **state)
{
	struct pipeline *p = *state;
	char name[32];

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		look_up(&asker, SEC / 4, i, name);
		if (i % 500 == 0)
			assert_int_equal(flush(p), 0);
	}
	looked_up(&asker, SEC / 2, 0); /* forgotten */
	looked_up(&asker, SEC / 2, 1999);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT name FROM name_lookup WHERE answers IS NOT NULL", "n1999.example.com");
}

/* What a client of nscd sends, in parts as they come. */
static void ask_nscd(uint64_t sock_id, uint32_t offset, const void *data, size_t len, size_t total)
{
	struct tt_event event = {
		.type = TT_EVENT_PAYLOAD,
		.process = asker.key,
		.time_ns = SEC,
		.payload = { .sock_id = sock_id,
			     .family = AF_UNIX,
			     .port = TT_RESOLVER_NSCD,
			     .offset = offset,
			     .total = (uint32_t)total,
			     .data = data,
			     .len = len },
	};

	assert_int_equal(tt_rows_payload(rows, &event, &asker, EPOCH), 0);
}

/* Version 2, GETAI. */
#define NSCD_QUESTION(name) "\2\0\0\0\16\0\0\0\4\0\0\0" name

static void questions_to_a_resolver_are_rows_however_they_are_cut(void **state)
{
	struct pipeline *p = *state;
	static const char questions[] = NSCD_QUESTION("one") "\0" NSCD_QUESTION("two");
	uint32_t size = sizeof(questions);

	for (uint32_t i = 0; i < size; i++)
		ask_nscd(1, i, questions + i, 1, 1);
	ask_nscd(2, 0, questions, size, size);
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT name || (type IS NULL) || source || (answers IS NULL) || count FROM name_lookup "
		     "ORDER BY row_id",
		     "one1nscd12 two1nscd12");
}

static void a_stream_with_a_hole_is_given_up(void **state)
{
	struct pipeline *p = *state;
	static const char question[] = NSCD_QUESTION("one");
	uint32_t size = sizeof(question);

	ask_nscd(1, 0, question, 5, 5);
	ask_nscd(1, 6, question + 6, size - 6, size - 6);
	ask_nscd(1, size, question, size, size);
	ask_nscd(2, 0, question, size, 10000); /* only the first part of what was sent */
	ask_nscd(2, 10000, question, size, size);
	ask_nscd(3, 0, "rubbish rubbish", 15, 15);
	ask_nscd(3, 15, question, size, size);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT count(*) FROM name_lookup", "0");
}

/* Longer than what is kept of a stream, and with more streams than are kept. */
static void streams_to_resolvers_go_on_and_make_room(void **state)
{
	struct pipeline *p = *state;
	static const char question[] = NSCD_QUESTION("one");
	uint32_t size = sizeof(question);

	for (uint32_t i = 0; i < 1000; i++)
		ask_nscd(1, i * size, question, size, size);
	for (unsigned i = 2; i < 200; i++)
		ask_nscd(i, 0, question, size, size);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT count FROM name_lookup", "1198");
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
		TEST(hosts_whose_names_have_one_hash_are_two),
		TEST(an_answer_names_what_is_connected_to_next),
		TEST(an_answer_that_no_longer_holds_is_unsure),
		TEST(an_answer_is_its_sessions_alone),
		TEST(a_category_follows_the_name),
		TEST(a_connection_has_the_name_that_was_looked_up),
		TEST(what_is_given_back_late_names_what_was_connected_meanwhile),
		TEST(a_call_is_its_processs_and_an_address_no_name),
		TEST(what_sources_agree_on_is_the_name_servers),
		TEST(a_short_name_is_the_whole_ones),
		TEST(what_sources_disagree_on_is_kept),
		TEST(a_hello_settles_what_sources_disagree_on),
		TEST(calls_that_fail_for_ever_do_not_pile_up),
		TEST(questions_to_a_resolver_are_rows_however_they_are_cut),
		TEST(a_stream_with_a_hole_is_given_up),
		TEST(streams_to_resolvers_go_on_and_make_room),
		TEST(many_questions_are_all_rows),
		TEST(of_two_answers_that_fit_neither_is_sure),
		TEST(a_hello_is_better_than_an_answer_and_the_answer_is_kept),
		TEST(a_hello_for_one_of_several_that_were_told_agrees),
		TEST(an_address_behind_a_proxy_has_a_name),
		TEST(the_connections_own_address_is_no_name),
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
