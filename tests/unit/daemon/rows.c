/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that the kernel aggregates, and the rows they become: whatever comes in which order, the counts add up. */
#include "daemon/rows.h"

#include "unit/daemon/pipeline.h"

#define SEC FRAMES_S

static struct tt_rows *rows;
static uint64_t lost;
static const char *outside_name; /* of every file */

static char *outside(const struct tt_event *event, const struct tt_process *of, void *arg)
{
	return outside_name ? strdup(outside_name) : NULL;
}

static int setup(void **state)
{
	struct pipeline *p;
	struct tt_row_session session = { .session_id = { "0000000000000001" },
					  .agent = "a",
					  .complete = true };
	struct tt_row_process process = { .process_id = { "0000000000000002" },
					  .session_id = session.session_id,
					  .role = "agent" };

	pipeline_setup(state);
	p = *state;
	lost = 0;
	outside_name = NULL;
	assert_int_equal(tt_batch_session(p->batch, &session), 0);
	assert_int_equal(tt_batch_process(p->batch, &process), 0);
	return tt_rows_new(&(struct tt_rows_params){ .batch = p->batch,
						     .classifier = p->classifier,
						     .outside = outside,
						     .first_row_id = 10,
						     .max_keys = 4 },
			   &rows);
}

static int teardown(void **state)
{
	tt_rows_free(rows);
	return pipeline_teardown(state);
}

static const struct tt_process process = { .key = { .pid = 100, .start_ns = 1 },
					   .id = { "0000000000000002" } };

static struct tt_event file_event(const char *path, uint64_t ident, uint64_t count, uint32_t flags)
{
	return (struct tt_event){
		.type = TT_EVENT_FILE,
		.flags = flags,
		.process = process.key,
		.key = { .pid = 100, .start_ns = 1, .ident = ident, .op = TT_OP_READ },
		.count = count,
		.first_ns = SEC,
		.last_ns = SEC + count,
		.sent = true,
		.file = { .path = path, .mode = 0100644 },
	};
}

static void put_file(const char *path, uint64_t ident, uint64_t count, uint32_t flags)
{
	struct tt_event event = file_event(path, ident, count, flags);

	assert_int_equal(tt_rows_file(rows, &event, &process, EPOCH), 0);
}

static int total(uint64_t ident, uint64_t count, bool final)
{
	struct tt_event event = file_event("", ident, count, 0);
	uint64_t missing = 0;
	int r;

	event.type = TT_EVENT_TOTAL;
	event.final = final;
	r = tt_rows_count(rows, &event, EPOCH, &missing);
	lost += missing;
	return r;
}

static void note_lost(const struct tt_agg_key *key, uint64_t count, void *arg)
{
	lost += count;
}

static void a_total_is_exact_whatever_was_reported_before(void **state)
{
	struct pipeline *p = *state;

	put_file("/a", 1, 1, 0);
	assert_int_equal(total(1, 7, false), 1);
	assert_int_equal(total(1, 5, false), 1); /* a report that was overtaken */
	assert_int_equal(total(1, 9, true), 1);
	assert_int_equal(total(1, 9, true), 0); /* forgotten */
	assert_int_equal(flush(p), 0);

	assert_query(p, "SELECT path || count || ' ' || (last_ns - first_ns) FROM file_access", "/a9 9");
	/* the same key from nothing is another row */
	put_file("/a", 1, 1, 0);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT group_concat(count) FROM file_access", "9,1");
}

static void a_first_sighting_that_came_late_brings_its_count(void **state)
{
	struct pipeline *p = *state;

	assert_int_equal(total(1, 3, false), 0); /* not known yet, and not final: it may still come */
	put_file("/a", 1, 4, 0);
	assert_int_equal(total(1, 4, true), 1);
	assert_int_equal(flush(p), 0);

	assert_query(p, "SELECT count FROM file_access", "4");
}

static void a_new_name_begins_where_it_was_first_used_though_a_total_ran_ahead(void **state)
{
	struct pipeline *p = *state;

	put_file("/a", 1, 1, 0);
	assert_int_equal(total(1, 5, false),
			 1); /* the fifth was under the new name, its record is still in the ring */
	put_file("/b", 1, 5, TT_EVF_AGAIN);
	assert_int_equal(total(1, 6, true), 1);
	assert_int_equal(flush(p), 0);

	assert_query(p, "SELECT path || count FROM file_access ORDER BY row_id", "/a4 /b2");
}

/* A kernel that opens one file under changing names: what its map holds runs ahead of what the ring has delivered,
 * entries are full or frozen for a while and made anew. Every operation must be in exactly one row. */
static void counts_add_up_in_any_order(void **state)
{
	static const char *const names[] = { "/a", "/b", "/c" };
	struct pipeline *p = *state;
	uint32_t random = 12345;
	uint64_t done = 0;
	char expected[32];

	for (uint64_t round = 1; round <= 100; round++) {
		struct {
			const char *name;
			uint64_t count;
			uint32_t flags;
		} ring[64];
		size_t n = 0, delivered = 0;
		uint64_t map = 0, operations = 0;
		const char *name = names[0];

		for (int i = 0; i < 60; i++) {
			random = random * 1103515245 + 12345;
			switch (random >> 16 & 7) {
			case 0: /* a rename: shows with the next record */
				name = names[(random >> 20) % ARRAY_SIZE(names)];
				break;
			case 1:
			case 2:
				operations++;
				map++;
				ring[n].name = name;
				ring[n].flags = map > 1 ? TT_EVF_AGAIN : 0;
				ring[n++].count = map;
				break;
			case 3: /* counted in the map, nothing sent (only once something was) */
				operations += map > 0;
				map += map > 0;
				break;
			case 4: /* no entry to be had */
				operations++;
				ring[n].name = name;
				ring[n].flags = TT_EVF_UNAGGREGATED;
				ring[n++].count = 1;
				break;
			case 5: /* the sweep reads the map, ahead of the ring */
				if (map)
					total(round, map, false);
				break;
			default: /* the ring is read */
				if (delivered < n) {
					put_file(ring[delivered].name, round, ring[delivered].count,
						 ring[delivered].flags);
					delivered++;
				}
			}
		}
		for (; delivered < n; delivered++)
			put_file(ring[delivered].name, round, ring[delivered].count, ring[delivered].flags);
		if (map)
			assert_int_equal(total(round, map, true), 1);
		tt_rows_settle(rows, NULL, EPOCH, note_lost, NULL);
		assert_int_equal(flush(p), 0);
		done += operations;
		snprintf(expected, sizeof(expected), "%llu", (unsigned long long)done);
		assert_query(p, "SELECT sum(count) FROM file_access", expected);
	}
	assert_int_equal(lost, 0);
}

static void unaggregated_keys_are_remembered_up_to_the_limit(void **state)
{
	struct pipeline *p = *state;

	/* max_keys is 4: from the fifth on each operation is a row of its own, and none is lost */
	for (int i = 0; i < 3; i++)
		for (uint64_t ident = 1; ident <= 6; ident++)
			put_file("/x", ident, 1, TT_EVF_UNAGGREGATED);
	assert_int_equal(flush(p), 0);

	assert_query(p, "SELECT count(*) || ' ' || sum(count) FROM file_access", "10 18");
}

static void a_path_that_differs_only_in_spelling_keeps_both_names(void **state)
{
	struct pipeline *p = *state;
	struct tt_event event = file_event("/usr/share/zoneinfo/UTC", 1, 1, 0);

	event.file.spelling = "/etc/localtime";
	assert_int_equal(tt_rows_file(rows, &event, &process, EPOCH), 0);
	event = file_event("/etc/shadow", 2, 1, 0);
	event.file.spelling = "/tmp/link-to-id_rsa";
	assert_int_equal(tt_rows_file(rows, &event, &process, EPOCH), 0);
	/* neither name hides the other: the worse category holds */
	event = file_event("/home/u/.ssh/id_rsa", 3, 1, 0);
	event.file.spelling = "/tmp/harmless";
	assert_int_equal(tt_rows_file(rows, &event, &process, EPOCH), 0);
	assert_int_equal(flush(p), 0);

	assert_query(
		p,
		"SELECT path || '=' || real_path || coalesce(category, '') FROM file_access ORDER BY row_id",
		"/etc/localtime=/usr/share/zoneinfo/UTC /tmp/link-to-id_rsa=/etc/shadow"
		" /tmp/harmless=/home/u/.ssh/id_rsacredential");
}

static void a_name_outside_counts_for_the_category(void **state)
{
	struct pipeline *p = *state;

	put_file("/volume/key", 1, 1, 0);
	outside_name = "/home/u/.ssh/id_rsa";
	put_file("/volume/key", 2, 1, 0);
	assert_int_equal(flush(p), 0);

	assert_query(p,
		     "SELECT path || ' ' || coalesce(host_path, '-') || ' ' || coalesce(category, '-')"
		     " FROM file_access ORDER BY row_id",
		     "/volume/key - - /volume/key /home/u/.ssh/id_rsa credential");
}

/* ---- bytes */

static void put_bytes(uint16_t op, const char *path, uint64_t ident, uint64_t count, uint64_t bytes,
		      uint32_t flags)
{
	struct tt_event event = file_event(path, ident, count, flags | TT_EVF_BY_FD);

	event.key.op = op;
	event.bytes = bytes;
	assert_int_equal(tt_rows_file(rows, &event, &process, EPOCH), 0);
}

static int bytes_total(uint16_t op, uint64_t ident, uint64_t count, uint64_t bytes, bool final)
{
	struct tt_event event = file_event("", ident, count, 0);
	uint64_t missing = 0;
	int r;

	event.type = TT_EVENT_TOTAL;
	event.key.op = op;
	event.bytes = bytes;
	event.final = final;
	r = tt_rows_count(rows, &event, EPOCH, &missing);
	lost += missing;
	return r;
}

#define BYTES                                                                                                \
	"SELECT group_concat(path || ' ' || op || ' ' || count || ' ' || coalesce(bytes, '-'), ', ')"        \
	" FROM (SELECT * FROM file_access ORDER BY row_id)"

static void what_is_read_is_the_row_s_of_its_opens(void **state)
{
	struct pipeline *p = *state;

	put_file("/a", 1, 1, 0);
	put_file("/b", 2, 1, 0);
	put_bytes(TT_OP_BYTES, "/a", 1, 1, 100, 0);
	put_file("/a", 1, 2, 0); /* its counts leave the bytes alone */
	assert_int_equal(bytes_total(TT_OP_BYTES, 1, 3, 250, false), 1);
	assert_int_equal(bytes_total(TT_OP_BYTES, 1, 2, 200, false), 1); /* overtaken */
	assert_int_equal(bytes_total(TT_OP_BYTES, 1, 4, 260, true), 1);
	assert_int_equal(bytes_total(TT_OP_BYTES, 1, 4, 260, true), 0);
	/* the kernel began anew */
	put_bytes(TT_OP_BYTES, "/a", 1, 1, 7, 0);
	/* and had no room once */
	put_bytes(TT_OP_BYTES, "/a", 1, 1, 3, TT_EVF_UNAGGREGATED);
	assert_int_equal(bytes_total(TT_OP_BYTES, 1, 2, 17, true), 1);
	assert_int_equal(flush(p), 0);

	assert_query(p, BYTES, "/a read 2 280, /b read 1 -");
	assert_int_equal(lost, 0);
}

static void a_descriptor_that_was_not_opened_has_a_row_without_opens(void **state)
{
	struct pipeline *p = *state;

	put_bytes(TT_OP_BYTES, "/inherited", 1, 1, 5, 0);
	assert_int_equal(bytes_total(TT_OP_BYTES, 1, 2, 9, false), 1);
	put_file("/inherited", 1, 1, 0); /* later it is opened as well */
	assert_int_equal(bytes_total(TT_OP_BYTES, 1, 3, 12, true), 1);
	assert_int_equal(flush(p), 0);

	assert_query(p, BYTES, "/inherited read 0 12, /inherited read 1 -");
}

static void bytes_go_to_the_name_that_was_opened(void **state)
{
	struct pipeline *p = *state;
	struct tt_event other = file_event("/x", 1, 1, 0);

	put_file("/old", 1, 1, 0);
	put_bytes(TT_OP_BYTES, "/old", 1, 1, 10, 0);
	put_file("/new", 1, 2, TT_EVF_AGAIN);
	put_bytes(TT_OP_BYTES, "/new", 1, 2, 25, TT_EVF_AGAIN);
	assert_int_equal(bytes_total(TT_OP_BYTES, 1, 3, 26, true), 1);
	/* the same file of another process is not it */
	other.key.pid = other.process.pid = 101;
	assert_int_equal(tt_rows_file(rows, &other, &process, EPOCH), 0);
	put_bytes(TT_OP_BYTES, "/x", 1, 1, 1, 0);
	assert_int_equal(flush(p), 0);

	assert_query(p, BYTES, "/old read 1 10, /new read 1 16, /x read 1 -, /x read 0 1");
}

static void mappings_are_rows_of_their_own(void **state)
{
	struct pipeline *p = *state;

	put_file("/a", 1, 1, 0);
	put_bytes(TT_OP_MMAP, "/a", 1, 1, 4096, 0);
	assert_int_equal(bytes_total(TT_OP_MMAP, 1, 3, 12288, true), 1);
	assert_int_equal(flush(p), 0);

	assert_query(p, BYTES, "/a read 1 -, /a mmap 3 12288");
}

static void put_look(const char *path, uint64_t ident, uint64_t count, uint32_t flags)
{
	struct tt_event event = file_event(NULL, ident, count, flags);

	event.key.op = TT_OP_STAT;
	event.file = (struct tt_event_file){ .spelling = path };
	assert_int_equal(tt_rows_file(rows, &event, &process, EPOCH), 0);
}

static int look_total(uint64_t ident, uint64_t count)
{
	struct tt_event event = file_event("", ident, count, 0);
	uint64_t missing = 0;
	int r;

	event.type = TT_EVENT_TOTAL;
	event.key.op = TT_OP_STAT;
	event.final = true;
	r = tt_rows_count(rows, &event, EPOCH, &missing);
	lost += missing;
	return r;
}

static void a_look_at_what_has_no_category_is_neither_a_row_nor_a_loss(void **state)
{
	struct pipeline *p = *state;

	put_look("/plain", 1, 1, 0);
	put_look("/plain", 1, 3, TT_EVF_AGAIN);
	put_look("/plain", 2, 1, TT_EVF_UNAGGREGATED);
	put_look("/home/u/id_rsa", 3, 1, 0);
	assert_int_equal(look_total(1, 7), 1);
	assert_int_equal(look_total(3, 5), 1);
	tt_rows_settle(rows, NULL, EPOCH, note_lost, NULL);
	assert_int_equal(lost, 0);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT op || ' ' || path || ' ' || count || ' ' || category FROM file_access",
		     "stat /home/u/id_rsa 5 credential");
}

static void a_look_whose_directory_was_renamed_into_a_category_begins_there(void **state)
{
	struct pipeline *p = *state;

	put_look("/a/plain", 1, 1, 0);
	put_look("/a/id_rsa", 1, 4, TT_EVF_AGAIN);
	assert_int_equal(look_total(1, 6), 1);
	assert_int_equal(lost, 0);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT path || ' ' || count FROM file_access", "/a/id_rsa 3");
}

static void a_rename_has_the_worse_category_of_both_names(void **state)
{
	struct pipeline *p = *state;
	static const struct {
		uint16_t op;
		const char *to, *from;
	} cases[] = {
		{ TT_OP_RENAME, "/b/id_rsa", "/b/new" },
		{ TT_OP_RENAME, "/b/old", "/b/id_rsa" },
		{ TT_OP_LINK, "/b/link", "/b/id_rsa" },
		{ TT_OP_SYMLINK, "/b/soft", "/b/id_rsa" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_event event = file_event(NULL, i + 1, 1, 0);

		event.key.op = cases[i].op;
		event.file = (struct tt_event_file){ .spelling = cases[i].to, .target = cases[i].from };
		assert_int_equal(tt_rows_file(rows, &event, &process, EPOCH), 0);
	}
	assert_int_equal(flush(p), 0);
	assert_query(p,
		     "SELECT op || ' ' || path || ' ' || target || ' ' || coalesce(category, '-') || ' ' || "
		     "coalesce(file_type, '-') FROM file_access ORDER BY row_id",
		     "rename /b/id_rsa /b/new credential - rename /b/old /b/id_rsa credential - "
		     "link /b/link /b/id_rsa credential - link /b/soft /b/id_rsa - symlink");
}

static void operations_that_do_not_exist_are_refused(void **state)
{
	struct tt_event event = file_event("/a", 1, 1, 0);
	static const uint16_t wrong[] = { 0, TT_OP_ENV, TT_OP_CONNECT, TT_OP_TRUNCATE + 1, UINT16_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		event.key.op = wrong[i];
		assert_int_equal(tt_rows_file(rows, &event, &process, EPOCH), -EBADMSG);
	}
	event.env.source = 99;
	event.env.name = "X";
	assert_int_equal(tt_rows_env(rows, &event, &process, EPOCH), -EBADMSG);
	event.connect = (struct tt_event_connect){ .state = 99 };
	assert_int_equal(tt_rows_connection(rows, &event, &process, EPOCH), -EBADMSG);
}

/* ---- connections */

static struct tt_event connect_event(uint64_t sock_id, uint8_t state)
{
	return (struct tt_event){
		.type = TT_EVENT_CONNECT,
		.process = process.key,
		.key = { .op = TT_OP_CONNECT },
		.count = 1,
		.first_ns = SEC,
		.last_ns = 2 * SEC,
		.connect = { .addr = { 127, 0, 0, 1 },
			     .port = 443,
			     .family = AF_INET,
			     .protocol = 6,
			     .sock_id = sock_id,
			     .duration_ns = 5,
			     .state = state },
	};
}

static void put_connect(uint64_t sock_id, uint8_t state)
{
	struct tt_event event = connect_event(sock_id, state);

	assert_int_equal(tt_rows_connection(rows, &event, &process, EPOCH), 0);
}

static void an_attempt_is_one_row_from_its_beginning_to_its_outcome(void **state)
{
	struct pipeline *p = *state;

	put_connect(1, TT_CONN_CONNECTING);
	put_connect(1, TT_CONN_CONNECTING);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT state || coalesce(duration_ns, '-') FROM connection", "connecting-");

	put_connect(1, TT_CONN_TIMEOUT);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT state || duration_ns || revision FROM connection", "timeout52");
}

static void outcomes_of_one_kind_to_one_address_are_counted(void **state)
{
	struct pipeline *p = *state;

	for (uint64_t id = 1; id <= 5; id++)
		put_connect(id, id == 3 ? TT_CONN_REFUSED : TT_CONN_ESTABLISHED);
	assert_int_equal(flush(p), 0);

	assert_query(p, "SELECT state || count FROM connection ORDER BY row_id", "established4 refused1");
}

static void addresses_are_what_is_on_the_wire(void **state)
{
	static const struct {
		uint16_t family;
		uint8_t addr[16];
		const char *expected;
	} examples[] = {
		{ AF_INET, { 10, 1, 2, 3 }, "inet 10.1.2.3" },
		{ AF_INET6, { 0x20, 1, 0xd, 0xb8, [15] = 1 }, "inet6 2001:db8::1" },
		{ AF_INET6, { [10] = 0xff, [11] = 0xff, 10, 1, 2, 3 }, "inet 10.1.2.3" },
		{ AF_INET6, { 0 }, "inet6 ::" },
	};
	struct pipeline *p = *state;

	for (uint64_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct tt_event event = connect_event(10 + i, TT_CONN_CONNECTING);

		event.connect.family = examples[i].family;
		memcpy(event.connect.addr, examples[i].addr, 16);
		assert_int_equal(tt_rows_connection(rows, &event, &process, EPOCH), 0);
		assert_int_equal(flush(p), 0);
		assert_query(p,
			     "SELECT family || ' ' || address FROM connection ORDER BY row_id DESC LIMIT 1",
			     examples[i].expected);
	}
}

static void an_attempt_is_kept_while_the_sensor_tells_of_it(void **state)
{
	struct pipeline *p = *state;
	struct tt_process_table *nobody;

	assert_int_equal(tt_process_table_new(4, NULL, NULL, &nobody), 0);
	put_connect(1, TT_CONN_CONNECTING);
	put_connect(2, TT_CONN_CONNECTING);
	tt_rows_settle(rows, nobody, EPOCH, note_lost, NULL);
	put_connect(1, TT_CONN_CONNECTING); /* of the second nothing more is heard */
	tt_rows_settle(rows, nobody, EPOCH, note_lost, NULL);
	put_connect(1, TT_CONN_TIMEOUT);
	tt_process_table_free(nobody);
	assert_int_equal(flush(p), 0);

	assert_query(p, "SELECT state FROM connection ORDER BY row_id", "timeout connecting");
}

/* ---- without room */

static void fill(struct pipeline *p)
{
	static char path[TT_PATH_MAX];
	struct tt_row_file row = {
		.row_id = 5, .process_id = process.id, .path = path, .op = "read", .path_source = "file"
	};

	/* to the last byte: smaller and smaller rows */
	for (size_t len = sizeof(path) - 1; len > 0; len /= 2) {
		memset(path, 'f', len);
		path[len] = '\0';
		while (tt_batch_file(p->batch, &row) == 0)
			;
	}
}

static void counts_without_room_are_put_when_there_is(void **state)
{
	struct pipeline *p = *state;

	put_file("/a", 1, 1, 0);
	fill(p);
	assert_int_equal(total(1, 8, false), 1);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT count FROM file_access WHERE path = '/a'", "1");

	tt_rows_settle(rows, NULL, EPOCH, note_lost, NULL);
	assert_int_equal(flush(p), 0);
	assert_query(p, "SELECT count FROM file_access WHERE path = '/a'", "8");
	assert_int_equal(lost, 0);
}

static void bytes_without_room_are_put_when_there_is(void **state)
{
	struct pipeline *p = *state;

	put_file("/a", 1, 1, 0);
	put_bytes(TT_OP_BYTES, "/a", 1, 1, 1, 0);
	fill(p);
	assert_int_equal(bytes_total(TT_OP_BYTES, 1, 2, 5, false), 1);
	assert_int_equal(flush(p), 0);
	tt_rows_settle(rows, NULL, EPOCH, note_lost, NULL);
	assert_int_equal(flush(p), 0);

	assert_query(p, "SELECT bytes FROM file_access WHERE path = '/a'", "5");
	assert_int_equal(lost, 0);
}

static void a_final_total_without_room_says_what_is_missing(void **state)
{
	struct pipeline *p = *state;

	put_file("/a", 1, 3, 0);
	fill(p);
	assert_int_equal(total(1, 8, true), 1);
	assert_int_equal(flush(p), 0);

	assert_int_equal(lost, 5);
	assert_query(p, "SELECT count FROM file_access WHERE path = '/a'", "3");
}

static void a_new_name_without_room_counts_under_the_old_one(void **state)
{
	struct pipeline *p = *state;
	struct tt_event event = file_event("/b", 1, 4, TT_EVF_AGAIN);

	put_file("/a", 1, 1, 0);
	fill(p);
	assert_int_equal(tt_rows_file(rows, &event, &process, EPOCH), -ENOSPC);
	assert_int_equal(flush(p), 0);
	assert_int_equal(total(1, 6, true), 1);
	assert_int_equal(flush(p), 0);

	assert_int_equal(lost, 0);
	assert_query(p, "SELECT path || count FROM file_access WHERE path IN ('/a', '/b')", "/a6");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_total_is_exact_whatever_was_reported_before),
		TEST(a_first_sighting_that_came_late_brings_its_count),
		TEST(a_new_name_begins_where_it_was_first_used_though_a_total_ran_ahead),
		TEST(counts_add_up_in_any_order),
		TEST(unaggregated_keys_are_remembered_up_to_the_limit),
		TEST(a_path_that_differs_only_in_spelling_keeps_both_names),
		TEST(a_name_outside_counts_for_the_category),
		TEST(what_is_read_is_the_row_s_of_its_opens),
		TEST(a_descriptor_that_was_not_opened_has_a_row_without_opens),
		TEST(bytes_go_to_the_name_that_was_opened),
		TEST(mappings_are_rows_of_their_own),
		TEST(bytes_without_room_are_put_when_there_is),
		TEST(a_look_at_what_has_no_category_is_neither_a_row_nor_a_loss),
		TEST(a_look_whose_directory_was_renamed_into_a_category_begins_there),
		TEST(a_rename_has_the_worse_category_of_both_names),
		TEST(operations_that_do_not_exist_are_refused),
		TEST(an_attempt_is_one_row_from_its_beginning_to_its_outcome),
		TEST(outcomes_of_one_kind_to_one_address_are_counted),
		TEST(addresses_are_what_is_on_the_wire),
		TEST(an_attempt_is_kept_while_the_sensor_tells_of_it),
		TEST(counts_without_room_are_put_when_there_is),
		TEST(a_final_total_without_room_says_what_is_missing),
		TEST(a_new_name_without_room_counts_under_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
