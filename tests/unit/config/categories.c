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

static void what_a_category_has_of_each_vendor_is_kept_apart(void **state)
{
	struct tt_config_categories *categories = NULL;

	write_file("10.yaml", "id: api\nrank: 10\nvendor: a\nhosts: a.example\n---\n"
			      "id: api\nvendor: b\nhosts: b.example\n---\nid: api\nhosts: c.example\n---\n"
			      "id: api\nvendor: a\nhosts: d.example\nplace: true\n");
	write_file("90.yaml", "id: api\nrank: 20\nvendor: b\n");

	assert_int_equal(tt_config_load_categories(dir, &categories, &message), 0);

	assert_int_equal(categories->n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(categories->v[i].id, "api");
		assert_int_equal(categories->v[i].rank, 20);
		assert_int_equal(categories->v[i].place, i == 0);
	}
	assert_string_equal(categories->v[0].vendor, "a");
	assert_int_equal(categories->v[0].hosts.n, 2);
	assert_string_equal(categories->v[1].vendor, "b");
	assert_null(categories->v[2].vendor);
	tt_config_categories_free(categories);
}

static void hosts_are_names_domains_or_patterns(void **state)
{
	static const char *const right[] = { "a",   "a.b",     ".local", ".a.b", "A-b_c.D",
					     "*.b", "a*c.*.b", "*-x.b",	 "1.a" };
	static const char *const wrong[] = { "",    ".",    "a.",    "..a",	  "a..b",    "*",
					     "a.*", "a.b*", ".*.a",  "a/b",	  "1.2.3.4", "1",
					     "a b", "a?b",  "[::1]", "\xc3\xa4.b" };
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(right); i++)
		if (!tt_config_is_host(right[i]))
			fail_msg("'%s' is right", right[i]);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (tt_config_is_host(wrong[i]))
			fail_msg("'%s' is wrong", wrong[i]);
	memset(text, 'a', sizeof(text));
	text[64] = '\0';
	assert_false(tt_config_is_host(text));
	assert_true(tt_config_is_host(text + 1));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '.' : 'a';
	text[255] = '\0';
	assert_false(tt_config_is_host(text));
	text[253] = '\0';
	assert_true(tt_config_is_host(text));
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
		{ "id: a\nrank: 1\nhosts: 10.0.0.1\n", "'10.0.0.1' in 'hosts': expected a host, .DOMAIN" },
		{ "id: a\nrank: 1\nplace: x\n", "a.yaml:3: 'place' is 'x'" },
		{ "id: a\nvendor: v\nhosts: x\n", "a.yaml:1: category 'a' is new and needs 'rank'" },
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
		TEST(what_a_category_has_of_each_vendor_is_kept_apart),
		TEST(hosts_are_names_domains_or_patterns),
		TEST(mistakes_are_named_with_their_line),
		TEST(networks_are_parsed_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
