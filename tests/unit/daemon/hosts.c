/* SPDX-License-Identifier: Apache-2.0 */
/* Who has read which /etc/hosts: in a root directory of the test's own. */
#include "daemon/hosts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "process/procfs.h"
#include "unit/process/fixture.h"

static struct tt_procfs *procfs;
static struct tt_hosts *hosts;

static const struct tt_process reader = { .key = { .pid = FIXTURE_PID, .start_ns = 1 } },
			       other = { .key = { .pid = FIXTURE_PID, .start_ns = 2 } };
static const uint8_t seven[16] = { 192, 0, 2, 7 }, eight[16] = { 192, 0, 2, 8 };

static int setup(void **state)
{
	if (fixture_setup(state) < 0 || tt_procfs_new(fixture_path("/proc"), &procfs) < 0)
		return -1;
	fixture_file("/root/etc/hosts", "192.0.2.7 one.example.com\n192.0.2.7 again.example.com\n");
	return tt_hosts_new(procfs, &hosts);
}

static int teardown(void **state)
{
	tt_hosts_free(hosts);
	tt_procfs_free(procfs);
	return fixture_teardown(state);
}

static void opened(const struct tt_process *process, const char *path, int op, int result)
{
	struct tt_event event = {
		.type = TT_EVENT_FILE,
		.process = process->key,
		.key = { .op = (uint16_t)op, .result = (int16_t)result },
		.file = { .path = path },
	};
	struct stat st;

	if (stat(fixture_path("/root/etc/hosts"), &st) == 0)
		event.file.ino = st.st_ino;
	tt_hosts_opened(hosts, &event, process);
}

static void read_by(const struct tt_process *process)
{
	opened(process, "/etc/hosts", TT_OP_READ, 0);
}

static void who_has_read_it_knows_its_names(void **state)
{
	assert_null(tt_hosts_find(hosts, AF_INET, seven, &reader));
	read_by(&reader);
	assert_string_equal(tt_hosts_find(hosts, AF_INET, seven, &reader), "one.example.com");
	assert_null(tt_hosts_find(hosts, AF_INET, eight, &reader));
	assert_null(tt_hosts_find(hosts, AF_INET6, seven, &reader));
	assert_null(tt_hosts_find(hosts, AF_INET, seven, &other));
}

static void only_reading_it_counts(void **state)
{
	opened(&reader, "/etc/hosts", TT_OP_WRITE, 0);
	opened(&reader, "/etc/hosts", TT_OP_READ, -EACCES);
	opened(&reader, "/tmp/etc/hosts", TT_OP_READ, 0);
	opened(&reader, NULL, TT_OP_READ, 0);
	assert_null(tt_hosts_find(hosts, AF_INET, seven, &reader));
}

static void each_has_the_file_that_it_read(void **state)
{
	read_by(&reader);
	fixture_file("/root/etc/hosts", "192.0.2.7 changed.example.com\n");
	read_by(&other);
	assert_string_equal(tt_hosts_find(hosts, AF_INET, seven, &reader), "one.example.com");
	assert_string_equal(tt_hosts_find(hosts, AF_INET, seven, &other), "changed.example.com");
	read_by(&reader);
	assert_string_equal(tt_hosts_find(hosts, AF_INET, seven, &reader), "changed.example.com");
}

static void another_file_in_its_place_is_not_what_was_read(void **state)
{
	struct tt_event event = {
		.type = TT_EVENT_FILE,
		.process = reader.key,
		.key = { .op = TT_OP_READ },
		.file = { .path = "/etc/hosts", .ino = 1 },
	};

	tt_hosts_opened(hosts, &event, &reader);
	assert_null(tt_hosts_find(hosts, AF_INET, seven, &reader));
}

static void what_is_no_sane_file_is_not_read(void **state)
{
	_cleanup_free_ char *large = malloc(300000);

	assert_non_null(large);
	memset(large, '\n', 299999);
	memcpy(large, "192.0.2.7 large", 15);
	large[299999] = '\0';
	fixture_file("/root/etc/hosts", large);
	read_by(&reader);
	assert_null(tt_hosts_find(hosts, AF_INET, seven, &reader));

	unlink(fixture_path("/root/etc/hosts"));
	assert_int_equal(mkfifo(fixture_path("/root/etc/hosts"), 0600), 0);
	read_by(&reader); /* nobody writes: it must not wait */
	assert_null(tt_hosts_find(hosts, AF_INET, seven, &reader));
}

static void many_files_and_readers_are_bounded(void **state)
{
	char contents[64];
	struct tt_process many[20];

	for (unsigned i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = (struct tt_process){ .key = { .pid = FIXTURE_PID, .start_ns = 10 + i } };
		snprintf(contents, sizeof(contents), "192.0.2.7 n%0*u\n", (int)i + 1, i);
		fixture_file("/root/etc/hosts", contents);
		read_by(&many[i]);
	}
	assert_string_equal(tt_hosts_find(hosts, AF_INET, seven, &many[7]), "n00000007");
	assert_null(tt_hosts_find(hosts, AF_INET, seven, &many[8]));
	tt_hosts_settle(hosts, NULL);
	assert_null(tt_hosts_find(hosts, AF_INET, seven, &many[7]));
	read_by(&many[19]);
	assert_non_null(tt_hosts_find(hosts, AF_INET, seven, &many[19]));
	for (unsigned i = 0; i < 5000; i++) {
		struct tt_process process = { .key = { .pid = FIXTURE_PID, .start_ns = 100 + i } };

		read_by(&process);
	}
	assert_null(tt_hosts_find(hosts, AF_INET, seven, &many[19])); /* the oldest made room */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_has_read_it_knows_its_names),	TEST(only_reading_it_counts),
		TEST(each_has_the_file_that_it_read),	TEST(another_file_in_its_place_is_not_what_was_read),
		TEST(what_is_no_sane_file_is_not_read), TEST(many_files_and_readers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
