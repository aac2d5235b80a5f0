/* SPDX-License-Identifier: Apache-2.0 */
/* categories.d: reading, adding to a category, errors. */
#include "fixture.h"

#include <arpa/inet.h>

static void a_later_file_adds_to_a_category(void **state)
{
	struct tt_config_categories *categories = NULL;

	write_file("10.yaml",
		   "id: credential\ndescription: old\nrank: 10\nnames: id_rsa\n---\nid: tz\nrank: 50\n"
		   "keeps: value\nenv: TZ\n");
	write_file("90.yaml",
		   "id: credential\ndescription: new\nnames: [a, b]\nhosts: .example.org\n"
		   "networks: 10.0.0.0/8\nunix_paths: /run/x\npaths: ~/x\n---\nid: credential\nnames: c\n");

	assert_int_equal(tt_config_load_categories(dir, &categories, &message), 0);

	assert_int_equal(categories->n, 2);
	assert_string_equal(categories->v[0].description, "new");
	assert_int_equal(categories->v[0].rank, 10);
	assert_int_equal(categories->v[0].keeps, 0);
	assert_int_equal(categories->v[0].names.n, 4);
	assert_string_equal(categories->v[0].names.v[3], "c");
	assert_string_equal(categories->v[0].hosts.v[0], ".example.org");
	assert_int_equal(categories->v[1].keeps, 'v');
	tt_config_categories_free(categories);
}

static void mistakes_are_named_with_their_line(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "rank: 1\n", "a.yaml:1: a category needs 'id'" },
		{ "id: a\n", "a.yaml:1: category 'a' is new and needs 'rank'" },
		{ "id: a\nrank: 0\n", "a.yaml:2: 'rank' is '0', which is out of its range" },
		{ "id: a\nrank: x\n", "a.yaml:2: 'rank' is 'x', expected a number" },
		{ "id: a\nrank: 1\nkeeps: all\n",
		  "a.yaml:3: 'keeps' is 'all', expected one of: value, host" },
		{ "id: a\nrank: 1\npaths: x/y\n", "'x/y' in 'paths': expected a pattern that starts with" },
		{ "id: a\nrank: 1\nnames: x/y\n", "'x/y' in 'names': expected a file name" },
		{ "id: a\nrank: 1\nnetworks: 10.0.0.0\n", "'10.0.0.0' in 'networks': expected ADDRESS/BITS" },
		{ "id: a\nrank: 1\nhots: x\n", "did you mean 'hosts'?" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_config_categories *categories = NULL;

		write_file("a.yaml", cases[i].text);

		assert_int_equal(tt_config_load_categories(dir, &categories, &message), -EINVAL);

		assert_message(cases[i].message);
		free(TAKE_PTR(message));
	}
}

static void networks_are_parsed_exactly(void **state)
{
	static const struct {
		const char *text;
		int r, family;
		unsigned bits;
		uint16_t port;
	} cases[] = {
		{ "10.0.0.0/8", 0, AF_INET, 8, 0 },
		{ "0.0.0.0/0:53", 0, AF_INET, 0, 53 },
		{ "::/0:53", 0, AF_INET6, 0, 53 },
		{ "fd00:ec2::254/128", 0, AF_INET6, 128, 0 },
		{ "10.0.0.0", -EINVAL, 0, 0, 0 },
		{ "10.0.0.0/33", -EINVAL, 0, 0, 0 },
		{ "10.0.0.0/8:0", -EINVAL, 0, 0, 0 },
		{ "10.0.0.0/8:65536", -EINVAL, 0, 0, 0 },
		{ "10.0.0.0/8x", -EINVAL, 0, 0, 0 },
		{ "10.0.0.0/", -EINVAL, 0, 0, 0 },
		{ "10.0.0/8", -EINVAL, 0, 0, 0 },
		{ "::1/129", -EINVAL, 0, 0, 0 },
		{ "/8", -EINVAL, 0, 0, 0 },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8", -EINVAL, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_config_network network = { 0 };

		assert_int_equal(tt_config_parse_network(cases[i].text, &network), cases[i].r);

		assert_int_equal(network.family, cases[i].family);
		assert_int_equal(network.bits, cases[i].bits);
		assert_int_equal(network.port, cases[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_later_file_adds_to_a_category),
		TEST(mistakes_are_named_with_their_line),
		TEST(networks_are_parsed_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
