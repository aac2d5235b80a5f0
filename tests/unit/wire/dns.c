/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as resolvers send them, ones made by hand, and what a liar would send. */
#include "wire/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/util.h"

#define QUERY	 0x0100
#define RESPONSE 0x8180
#define BYTES(s) s, sizeof(s) - 1

struct packet {
	size_t len;
	unsigned char data[8192];
};

static void put(struct packet *p, const void *data, size_t len)
{
	assert_true(len <= sizeof(p->data) - p->len);
	memcpy(p->data + p->len, data, len);
	p->len += len;
}

static void put16(struct packet *p, unsigned value)
{
	put(p, (unsigned char[]){ (unsigned char)(value >> 8), (unsigned char)value }, 2);
}

static void put_name(struct packet *p, const char *name)
{
	while (*name) {
		unsigned char n = (unsigned char)strcspn(name, ".");

		put(p, &n, 1);
		put(p, name, n);
		name += n + (name[n] == '.');
	}
	put(p, "", 1);
}

static void count(struct packet *p, size_t at)
{
	if (!++p->data[at + 1])
		p->data[at]++;
}

static void begin(struct packet *p, unsigned flags)
{
	*p = (struct packet){ 0 };
	put16(p, 0x1234);
	put16(p, flags);
	put(p, "\0\0\0\0\0\0\0", 8);
}

static void ask(struct packet *p, const char *name, unsigned type)
{
	count(p, 4);
	put_name(p, name);
	put16(p, type);
	put16(p, 1);
}

static void add(struct packet *p, const char *owner, unsigned type, unsigned ttl, const void *data,
		size_t len)
{
	count(p, 6);
	put_name(p, owner);
	put16(p, type);
	put16(p, 1);
	put16(p, ttl >> 16);
	put16(p, ttl);
	put16(p, (unsigned)len);
	put(p, data, len);
}

static void add_name(struct packet *p, const char *owner, unsigned type, unsigned ttl, const char *target)
{
	struct packet data = { 0 };

	put_name(&data, target);
	add(p, owner, type, ttl, data.data, data.len);
}

static void add_address(struct packet *p, const char *owner, unsigned ttl, const char *address)
{
	bool v6 = strchr(address, ':');
	unsigned char addr[16];

	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, address, addr), 1);
	add(p, owner, v6 ? TT_DNS_AAAA : TT_DNS_A, ttl, addr, v6 ? 16 : 4);
}

static void add_service(struct packet *p, const char *owner, unsigned ttl, unsigned priority,
			const char *target, const void *parameters, size_t len)
{
	struct packet data = { 0 };

	put16(&data, priority);
	put_name(&data, target);
	put(&data, parameters, len);
	add(p, owner, TT_DNS_HTTPS, ttl, data.data, data.len);
}

/* At the end of a buffer of its own, so that a sanitizer sees what is read behind it. */
static int parse(const void *data, size_t len, struct tt_dns *ret)
{
	_cleanup_free_ unsigned char *copy = malloc(len ?: 1);
	struct tt_dns before;
	int r;

	assert_non_null(copy);
	memcpy(copy, data, len);
	memset(ret, 0x5a, sizeof(*ret));
	before = *ret;
	r = tt_dns_parse(copy, len, ret);

	if (r < 0) {
		assert_int_equal(r, -EBADMSG);
		assert_memory_equal(ret, &before, sizeof(before));
		return r;
	}
	assert_int_equal(r, 0);
	assert_true(ret->n_answers <= TT_DNS_ANSWERS_MAX);
	for (const char *name = ret->name; name; name = name == ret->name ? ret->canonical : NULL) {
		assert_true(strlen(name) < TT_HOST_MAX);
		for (const char *c = name; *c; c++)
			assert_true(*c > ' ' && *c < 0x7f);
	}
	return 0;
}

static void read_packet(const struct packet *p, struct tt_dns *ret)
{
	assert_int_equal(parse(p->data, p->len, ret), 0);
}

static void assert_answer(const struct tt_dns *dns, unsigned i, const char *address, unsigned ttl)
{
	char text[INET6_ADDRSTRLEN];

	assert_true(i < dns->n_answers);
	assert_non_null(inet_ntop(dns->answers[i].family, dns->answers[i].addr, text, sizeof(text)));
	assert_string_equal(text, address);
	assert_int_equal(dns->answers[i].ttl, ttl);
}

/* ---- what is usual */

/* As glibc asks, with EDNS. */
static const char question[] = "\x5c\x1a\1\x20\0\1\0\0\0\0\0\1"
			       "\3API\7Example\3com\0\0\x1c\0\1"
			       "\0\0\x29\x04\xb0\0\0\0\0\0\0";

/* As a resolver answers, with pointers: two addresses behind two aliases. */
static const char answer[] = "\x5c\x1a\x81\x80\0\1\0\4\0\0\0\1"
			     "\3api\7example\3com\0\0\1\0\1"
			     "\xc0\x0c\0\5\0\1\0\0\1\x2c\0\x0b\x04"
			     "edge\3cdn\xc0\x18"
			     "\xc0\x2d\0\5\0\1\0\0\0\x3c\0\5\2e7\xc0\x32"
			     "\xc0\x44\0\1\0\1\0\0\0\x14\0\4\xc0\0\2\1"
			     "\xc0\x44\0\1\0\1\0\0\0\x14\0\4\xc0\0\2\2"
			     "\0\0\x29\x04\xd0\0\0\0\0\0\0";

static void a_question_says_who_and_what(void **state)
{
	struct tt_dns dns;

	assert_int_equal(parse(BYTES(question), &dns), 0);

	assert_int_equal(dns.id, 0x5c1a);
	assert_int_equal(dns.qtype, TT_DNS_AAAA);
	assert_string_equal(dns.name, "api.example.com");
	assert_string_equal(dns.canonical, "");
	assert_false(dns.response || dns.truncated || dns.cut || dns.ech);
	assert_int_equal(dns.n_answers + dns.left_out + dns.rcode, 0);
}

static void an_answer_leads_over_aliases_to_addresses(void **state)
{
	struct tt_dns dns;

	assert_int_equal(parse(BYTES(answer), &dns), 0);

	assert_true(dns.response);
	assert_false(dns.cut);
	assert_int_equal(dns.qtype, TT_DNS_A);
	assert_string_equal(dns.name, "api.example.com");
	assert_string_equal(dns.canonical, "e7.cdn.com");
	assert_int_equal(dns.n_answers, 2);
	assert_answer(&dns, 0, "192.0.2.1", 20);
	assert_answer(&dns, 1, "192.0.2.2", 20);
	assert_int_equal(dns.left_out, 0);
}

static void aliases_may_come_in_any_order(void **state)
{
	static const char *const names[] = { "www.example.com", "a.example.net", "b.example.net",
					     "c.example.org" };

	for (unsigned order = 0; order < 4 * 4 * 4 * 4; order++) {
		unsigned at[] = { order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 }, seen = 0;
		struct packet p;
		struct tt_dns dns;

		for (size_t i = 0; i < ARRAY_SIZE(at); i++)
			seen |= 1u << at[i];
		if (seen != 15)
			continue;
		begin(&p, RESPONSE);
		ask(&p, names[0], TT_DNS_AAAA);
		for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
			if (at[i] == 3)
				add_address(&p, names[3], 500, "2001:db8::7");
			else
				add_name(&p, names[at[i]], TT_DNS_CNAME, 300 - 100 * at[i], names[at[i] + 1]);
		}
		read_packet(&p, &dns);

		assert_string_equal(dns.canonical, names[3]);
		assert_int_equal(dns.n_answers, 1);
		assert_answer(&dns, 0, "2001:db8::7", 100);
	}
}

static void time_to_live_is_the_least_on_the_way(void **state)
{
	static const struct {
		unsigned alias, address, expected;
	} cases[] = {
		{ 60, 300, 60 },	{ 300, 60, 60 },       { 0, 60, 0 },
		{ 0x80000000u, 60, 0 }, { 60, UINT32_MAX, 0 }, { INT32_MAX, INT32_MAX, INT32_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct packet p;
		struct tt_dns dns;

		begin(&p, RESPONSE);
		ask(&p, "a.example", TT_DNS_A);
		add_name(&p, "a.example", TT_DNS_CNAME, cases[i].alias, "b.example");
		add_address(&p, "b.example", cases[i].address, "192.0.2.1");
		read_packet(&p, &dns);

		assert_answer(&dns, 0, "192.0.2.1", cases[i].expected);
	}
}

static void a_delegated_tree_is_followed_by_its_alias(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "www.old.example", TT_DNS_A);
	add_name(&p, "old.example", 39, 60, "new.example");
	add_name(&p, "www.old.example", TT_DNS_CNAME, 60, "www.new.example");
	add_address(&p, "www.new.example", 60, "192.0.2.1");
	read_packet(&p, &dns);

	assert_string_equal(dns.canonical, "www.new.example");
	assert_answer(&dns, 0, "192.0.2.1", 60);
}

static void letters_have_no_case(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "wWw.ExAmPlE.cOm", TT_DNS_A);
	add_name(&p, "WWW.example.COM", TT_DNS_CNAME, 60, "Edge.Example.NET");
	add_address(&p, "eDGE.eXAMPLE.net", 60, "192.0.2.1");
	read_packet(&p, &dns);

	assert_string_equal(dns.name, "www.example.com");
	assert_string_equal(dns.canonical, "edge.example.net");
	assert_int_equal(dns.n_answers, 1);
}

static void the_result_has_the_bits_of_the_extension(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE | 0x0200 | 3);
	ask(&p, "no.example", TT_DNS_A);
	read_packet(&p, &dns);
	assert_true(dns.truncated);
	assert_int_equal(dns.rcode, 3);

	add(&p, "", TT_DNS_OPT, 0x01008000, BYTES("\0\12\0\2xy"));
	read_packet(&p, &dns);
	assert_int_equal(dns.rcode, 16 + 3);
	assert_false(dns.cut);
}

static void records_count_in_every_section(void **state)
{
	struct packet p;
	struct tt_dns dns;

	for (size_t section = 6; section <= 10; section += 2) {
		begin(&p, RESPONSE);
		ask(&p, "example.com", TT_DNS_HTTPS);
		add_address(&p, "example.com", 60, "192.0.2.1");
		p.data[7] = 0;
		p.data[section + 1] = 1;
		read_packet(&p, &dns);
		assert_int_equal(dns.n_answers, 1);
	}
}

static void neighbours_answer_in_the_same_format(void **state)
{
	struct packet p;
	struct tt_dns dns;

	/* mDNS sets the highest bit of the class. */
	begin(&p, 0x8400);
	ask(&p, "Büro 2.local", TT_DNS_A);
	p.data[p.len - 2] = 0x80;
	add_address(&p, "Büro 2.local", 120, "192.0.2.9");
	p.data[p.len - 12] = 0x80;
	read_packet(&p, &dns);

	assert_string_equal(dns.name, "b\\195\\188ro\\0322.local");
	assert_answer(&dns, 0, "192.0.2.9", 120);
}

/* ---- services */

#define ALPN  "\0\1\0\3\2h2"
#define HINT4 "\0\4\0\10\xc0\0\2\1\xc0\0\2\2"
#define ECH   "\0\5\0\4\xfe\x0d\0\0"
#define HINT6 "\0\6\0\20\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"

static void a_service_hints_at_addresses(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "example.com", TT_DNS_HTTPS);
	add_service(&p, "example.com", 300, 1, "", BYTES(ALPN HINT4 ECH HINT6));
	read_packet(&p, &dns);

	assert_true(dns.ech);
	assert_string_equal(dns.canonical, "");
	assert_int_equal(dns.n_answers, 3);
	assert_answer(&dns, 0, "192.0.2.1", 300);
	assert_answer(&dns, 1, "192.0.2.2", 300);
	assert_answer(&dns, 2, "2001:db8::1", 300);
}

static void a_service_may_be_an_alias(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "example.com", TT_DNS_HTTPS);
	add_address(&p, "pool.example.net", 60, "192.0.2.7");
	add_service(&p, "pool.example.net", 60, 1, "", BYTES(ECH));
	/* parameters mean nothing here */
	add_service(&p, "example.com", 30, 0, "pool.example.net", BYTES(HINT4));
	read_packet(&p, &dns);

	assert_string_equal(dns.canonical, "pool.example.net");
	assert_true(dns.ech);
	assert_int_equal(dns.n_answers, 1);
	assert_answer(&dns, 0, "192.0.2.7", 30);
}

static void a_service_elsewhere_is_no_alias(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "example.com", TT_DNS_HTTPS);
	add_service(&p, "example.com", 60, 1, "pool.example.net", BYTES(HINT4));
	add_address(&p, "pool.example.net", 60, "192.0.2.7");
	read_packet(&p, &dns);

	assert_string_equal(dns.canonical, "");
	assert_int_equal(dns.n_answers, 2);
	assert_answer(&dns, 0, "192.0.2.1", 60);
	assert_answer(&dns, 1, "192.0.2.2", 60);
}

static void a_service_that_is_not_there_leads_nowhere(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "example.com", TT_DNS_HTTPS);
	add_service(&p, "example.com", 30, 0, "", "", 0);
	add_address(&p, "", 60, "192.0.2.7");
	read_packet(&p, &dns);

	assert_string_equal(dns.canonical, "");
	assert_int_equal(dns.n_answers, 0);
}

static void a_malformed_service_counts_as_absent(void **state)
{
	static const struct {
		const char *parameters;
		size_t len;
	} cases[] = {
		{ BYTES(HINT4 ECH "\0") }, /* not one more */
		{ BYTES(HINT4 ECH "\0\7\0\5ab") }, /* longer than there is */
		{ BYTES(ECH HINT4) }, /* not ascending */
		{ BYTES(HINT4 HINT4) }, /* twice */
		{ BYTES("\0\4\0\3\xc0\0\2") }, /* part of an address */
		{ BYTES(HINT4 "\0\6\0\4\xc0\0\2\1") },
		{ BYTES("\0\4\0\0" ECH) }, /* no address */
		{ BYTES(HINT4 ECH "\0\7\0") }, /* not one more */
		{ BYTES(HINT4 ECH "\0\7\0\1") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct packet p;
		struct tt_dns dns;

		begin(&p, RESPONSE);
		ask(&p, "example.com", TT_DNS_HTTPS);
		add_address(&p, "example.com", 60, "192.0.2.99");
		add_service(&p, "example.com", 300, 1, "", cases[i].parameters, cases[i].len);
		read_packet(&p, &dns);

		assert_false(dns.ech || dns.cut);
		assert_int_equal(dns.n_answers, 1);
		assert_answer(&dns, 0, "192.0.2.99", 60);
	}
}

/* ---- what a liar sends */

static void records_of_others_name_nobody(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "evil.example", TT_DNS_A);
	add_address(&p, "bank.example", 60, "192.0.2.1");
	add_address(&p, "example", 60, "192.0.2.1");
	add_address(&p, "www.evil.example", 60, "192.0.2.1");
	add_name(&p, "bank.example", TT_DNS_CNAME, 60, "evil.example");
	add_name(&p, "bank.example", TT_DNS_CNAME, 60, "other.example");
	add_address(&p, "other.example", 60, "192.0.2.1");
	add_service(&p, "bank.example", 60, 1, "", BYTES(HINT4 ECH));
	read_packet(&p, &dns);

	assert_int_equal(dns.n_answers + dns.left_out, 0);
	assert_string_equal(dns.canonical, "");
	assert_false(dns.ech || dns.cut);
}

static void a_question_answers_nothing(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, QUERY);
	ask(&p, "host.local", TT_DNS_A);
	add_name(&p, "host.local", TT_DNS_CNAME, 60, "other.local");
	add_address(&p, "host.local", 60, "192.0.2.1");
	read_packet(&p, &dns);

	assert_int_equal(dns.n_answers, 0);
	assert_string_equal(dns.canonical, "");
}

static void odd_records_count_as_absent(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "a.example", TT_DNS_A);
	add(&p, "a.example", TT_DNS_A, 60, BYTES("\xc0\0\2"));
	add(&p, "a.example", TT_DNS_A, 60, BYTES("\xc0\0\2\1\xc0\0\2\2"));
	add(&p, "a.example", TT_DNS_AAAA, 60, BYTES("\xc0\0\2\1"));
	add(&p, "a.example", TT_DNS_A, 60, "", 0);
	add(&p, "a.example", TT_DNS_CNAME, 60, BYTES("\1b\7example\0x"));
	add(&p, "a.example", TT_DNS_CNAME, 60, BYTES("\1b\x07"));
	add(&p, "a.example", TT_DNS_CNAME, 60, "", 0);
	add(&p, "a.example", TT_DNS_HTTPS, 60, "", 0);
	add(&p, "a.example", TT_DNS_HTTPS, 60, BYTES("\0\1"));
	add(&p, "a.example", TT_DNS_HTTPS, 60, BYTES("\0\0\1b")); /* its target ends in the next record */
	add_name(&p, "a.example", TT_DNS_CNAME, 60, "b.example");
	p.data[p.len - 18] = 3; /* another class */
	add_address(&p, "a.example", 60, "192.0.2.1");
	p.data[p.len - 11] = 3;
	add_address(&p, "a.example", 60, "192.0.2.3");
	read_packet(&p, &dns);

	assert_string_equal(dns.canonical, "");
	assert_int_equal(dns.n_answers, 1);
	assert_answer(&dns, 0, "192.0.2.3", 60);
	assert_false(dns.cut);
}

static void loops_of_aliases_end(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "a.example", TT_DNS_A);
	add_name(&p, "a.example", TT_DNS_CNAME, 60, "b.example");
	add_name(&p, "b.example", TT_DNS_CNAME, 60, "c.example");
	add_name(&p, "c.example", TT_DNS_CNAME, 60, "a.example");
	add_address(&p, "c.example", 60, "192.0.2.1");
	read_packet(&p, &dns);
	assert_string_equal(dns.canonical, "c.example");
	assert_int_equal(dns.n_answers, 1);

	begin(&p, RESPONSE);
	ask(&p, "a.example", TT_DNS_A);
	add_name(&p, "a.example", TT_DNS_CNAME, 60, "a.example");
	add_address(&p, "a.example", 60, "192.0.2.1");
	read_packet(&p, &dns);
	assert_string_equal(dns.canonical, "");
	assert_int_equal(dns.n_answers, 1);
}

static void sixteen_aliases_are_followed(void **state)
{
	for (unsigned n = 15; n <= 18; n++) {
		char from[32], to[32];
		struct packet p;
		struct tt_dns dns;

		begin(&p, RESPONSE);
		ask(&p, "n0.example", TT_DNS_A);
		for (unsigned i = n; i-- > 0;) {
			snprintf(from, sizeof(from), "n%u.example", i);
			snprintf(to, sizeof(to), "n%u.example", i + 1);
			add_name(&p, from, TT_DNS_CNAME, 60, to);
		}
		snprintf(to, sizeof(to), "n%u.example", n);
		add_address(&p, to, 60, "192.0.2.1");
		read_packet(&p, &dns);

		assert_string_equal(dns.canonical, n <= 16 ? to : "n16.example");
		assert_int_equal(dns.n_answers, n <= 16);
	}
}

static void what_does_not_fit_is_counted(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "a.example", TT_DNS_A);
	for (unsigned i = 0; i < 300; i++)
		add_address(&p, "a", 60, "192.0.2.1");
	for (unsigned i = 0; i < 31; i++)
		add_address(&p, "a.example", 60, "192.0.2.1");
	add_service(&p, "a.example", 300, 1, "", BYTES(HINT4 HINT6));
	add_service(&p, "a.example", 300, 1, "", BYTES(HINT4 "\0"));
	add_address(&p, "a.example", 60, "192.0.2.1");
	read_packet(&p, &dns);

	assert_int_equal(dns.n_answers, TT_DNS_ANSWERS_MAX);
	assert_answer(&dns, 31, "192.0.2.1", 300);
	assert_int_equal(dns.left_out, 3);
}

static void the_first_of_several_questions_counts(void **state)
{
	struct packet p;
	struct tt_dns dns;

	begin(&p, RESPONSE);
	ask(&p, "a.example", TT_DNS_A);
	ask(&p, "b.example", TT_DNS_AAAA);
	add_address(&p, "b.example", 60, "192.0.2.2");
	add_address(&p, "a.example", 60, "192.0.2.1");
	read_packet(&p, &dns);
	assert_string_equal(dns.name, "a.example");
	assert_int_equal(dns.qtype, TT_DNS_A);
	assert_int_equal(dns.n_answers, 1);
	assert_answer(&dns, 0, "192.0.2.1", 60);

	p.data[4] = 0xff;
	read_packet(&p, &dns);
	assert_true(dns.cut);
	assert_int_equal(dns.n_answers, 0);
}

static void bytes_of_a_label_cannot_pass_for_anything_else(void **state)
{
	static const struct {
		const char *wire;
		size_t len;
		const char *name;
	} cases[] = {
		{ BYTES("\0"), "." },
		{ BYTES("\1.\0"), "\\046" },
		{ BYTES("\14bank.example\4evil\0"), "bank\\046example.evil" },
		{ BYTES("\5bank.\4evil\0"), "bank\\046.evil" },
		{ BYTES("\5bank\0\4evil\0"), "bank\\000.evil" },
		{ BYTES("\4\\046\1a\0"), "\\092046.a" },
		{ BYTES("\5a\nb c\1\x7f\0"), "a\\010b\\032c.\\127" },
		{ BYTES("\5[::1]\0"), "[::1]" },
		{ BYTES("\2\xc3\xbc\0"), "\\195\\188" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct packet p;
		struct tt_dns dns;

		begin(&p, QUERY);
		p.data[5] = 1;
		put(&p, cases[i].wire, cases[i].len);
		put(&p, "\0\1\0\1", 4);
		read_packet(&p, &dns);

		assert_string_equal(dns.name, cases[i].name);
	}
}

static void the_longest_name_fits_and_a_longer_one_is_malformed(void **state)
{
	unsigned char label[64];
	struct packet p;
	struct tt_dns dns;

	for (unsigned last = 61; last <= 62; last++) {
		begin(&p, QUERY);
		p.data[5] = 1;
		memset(label, 0xff, sizeof(label));
		for (unsigned i = 0; i < 4; i++) {
			label[0] = (unsigned char)(i < 3 ? 63 : last);
			put(&p, label, label[0] + 1u);
		}
		put(&p, "\0\0\1\0\1", 5);
		if (last == 61) {
			read_packet(&p, &dns);
			assert_int_equal(strlen(dns.name), 4 * 250 + 3);
		} else {
			assert_int_equal(parse(p.data, p.len, &dns), -EBADMSG);
		}
	}
}

static void what_is_no_query_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{ BYTES("") },
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0") }, /* part of a header */
		{ BYTES("\0\1\1\0\0\0\0\0\0\0\0\0\1a\0\0\1\0\1") }, /* no question */
		{ BYTES("\0\1\x29\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1") }, /* an update */
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0") }, /* no name */
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0") }, /* no class */
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\4a\0\0\1\0\1") }, /* a label over the end */
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\x41_\0\0\1\0\1") }, /* labels of unknown kinds */
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\x80\0\0\0\1\0\1") },
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1") }, /* a pointer to itself, */
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\1a\xc0\x0c\0\1\0\1") }, /* to the name it ends, */
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x04\0\1\0\1") }, /* into the header, */
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x12\0\1\0\1\1a\0") }, /* ahead, */
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\xff\xff\0\1\0\1") }, /* over the end */
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0\0\xc0") },
		{ BYTES("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n") },
		{ BYTES("\x16\3\1\2\0\1\0\1\xfc\3\3abcdefghijklmnopqrstuvwxyz") },
	};
	struct tt_dns dns;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(parse(cases[i].bytes, cases[i].len, &dns), -EBADMSG);
}

static void pointers_lead_backwards_and_are_bounded(void **state)
{
	static const unsigned char room[2 * 127];
	struct packet p;
	struct tt_dns dns;

	for (unsigned n = 126; n <= 127; n++) {
		size_t at = 12;

		begin(&p, RESPONSE);
		ask(&p, "a", TT_DNS_A);
		/* so many pointers, each to the one before it, as data of a record that nobody asked about */
		add(&p, "", 16, 0, room, 2 * n);
		for (unsigned i = 0; i < n; i++) {
			size_t to = p.len - 2 * n + 2 * i;

			p.data[to] = (unsigned char)(0xc0 | at >> 8);
			p.data[to + 1] = (unsigned char)at;
			at = to;
		}
		p.data[7]++;
		put16(&p, (unsigned)(0xc000 | at));
		put(&p, "\0\1\0\1\0\0\0\5\0\4\xc0\0\2\1", 14);
		read_packet(&p, &dns);

		assert_int_equal(dns.n_answers, n == 126);
		assert_int_equal(dns.cut, n == 127);
	}
}

static void a_cut_answer_keeps_what_came_before(void **state)
{
	struct tt_dns whole, dns;
	unsigned last = 0;

	assert_int_equal(parse(BYTES(answer), &whole), 0);
	for (size_t len = 0; len < sizeof(answer) - 1; len++) {
		int r = parse(answer, len, &dns);

		assert_int_equal(r, len < 33 ? -EBADMSG : 0);
		if (r < 0)
			continue;
		assert_true(dns.cut);
		assert_string_equal(dns.name, whole.name);
		assert_true(dns.n_answers >= last);
		last = dns.n_answers;
		assert_memory_equal(dns.answers, whole.answers, last * sizeof(dns.answers[0]));
	}
	assert_int_equal(last, 2);
}

static void any_byte_may_be_wrong(void **state)
{
	struct tt_dns dns;

	for (size_t at = 0; at < sizeof(answer) - 1; at++) {
		for (unsigned value = 0; value < 256; value++) {
			char damaged[sizeof(answer) - 1];

			memcpy(damaged, answer, sizeof(damaged));
			damaged[at] = (char)value;
			parse(damaged, sizeof(damaged), &dns);
		}
	}
}

/* ---- types, streams */

static void types_have_names_or_numbers(void **state)
{
	static const struct {
		uint16_t type;
		const char *name;
	} cases[] = {
		{ 1, "A" },
		{ 28, "AAAA" },
		{ 65, "HTTPS" },
		{ 64, "SVCB" },
		{ 12, "PTR" },
		{ 33, "SRV" },
		{ 16, "TXT" },
		{ 5, "CNAME" },
		{ 255, "ANY" },
		{ 0, "TYPE0" },
		{ 3, "TYPE3" },
		{ 258, "TYPE258" },
		{ 65400, "TYPE65400" },
		{ 65535, "TYPE65535" },
	};
	char buf[16];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(tt_dns_type_name(cases[i].type, buf), cases[i].name);
}

static void messages_of_a_stream_follow_each_other(void **state)
{
	struct packet p = { 0 };
	const void *message;
	size_t at = 0, len;
	struct tt_dns dns;

	put16(&p, sizeof(question) - 1);
	put(&p, BYTES(question));
	put16(&p, sizeof(answer) - 1);
	put(&p, BYTES(answer));

	assert_int_equal(tt_dns_next(p.data, p.len, &at, &message, &len), TT_WIRE_FOUND);
	assert_int_equal(len, sizeof(question) - 1);
	assert_int_equal(parse(message, len, &dns), 0);
	assert_false(dns.response);
	assert_int_equal(tt_dns_next(p.data, p.len, &at, &message, &len), TT_WIRE_FOUND);
	assert_int_equal(parse(message, len, &dns), 0);
	assert_int_equal(dns.n_answers, 2);
	assert_int_equal(at, p.len);
	assert_int_equal(tt_dns_next(p.data, p.len, &at, &message, &len), TT_WIRE_MORE);
	assert_int_equal(at, p.len);
}

static void a_stream_that_is_cut_wants_more(void **state)
{
	struct packet p = { 0 };
	const void *message;

	put16(&p, sizeof(question) - 1);
	put(&p, BYTES(question));
	for (size_t n = 0; n <= p.len; n++) {
		_cleanup_free_ unsigned char *copy = malloc(n ?: 1);
		size_t at = 0, len;

		assert_non_null(copy);
		memcpy(copy, p.data, n);
		assert_int_equal(tt_dns_next(copy, n, &at, &message, &len),
				 n < p.len ? TT_WIRE_MORE : TT_WIRE_FOUND);
		assert_int_equal(at, n < p.len ? 0 : p.len);
	}
}

static void what_is_shorter_than_a_header_is_no_message(void **state)
{
	const void *message;
	size_t at = 0, len;

	assert_int_equal(tt_dns_next(BYTES("\0\0"), &at, &message, &len), TT_WIRE_OTHER);
	assert_int_equal(tt_dns_next(BYTES("\0\13abcdefghijk"), &at, &message, &len), TT_WIRE_OTHER);
	assert_int_equal(tt_dns_next(BYTES("\0\14abcdefghijkl"), &at, &message, &len), TT_WIRE_FOUND);
	assert_int_equal(len, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_says_who_and_what),
		cmocka_unit_test(an_answer_leads_over_aliases_to_addresses),
		cmocka_unit_test(aliases_may_come_in_any_order),
		cmocka_unit_test(time_to_live_is_the_least_on_the_way),
		cmocka_unit_test(a_delegated_tree_is_followed_by_its_alias),
		cmocka_unit_test(letters_have_no_case),
		cmocka_unit_test(the_result_has_the_bits_of_the_extension),
		cmocka_unit_test(records_count_in_every_section),
		cmocka_unit_test(neighbours_answer_in_the_same_format),
		cmocka_unit_test(a_service_hints_at_addresses),
		cmocka_unit_test(a_service_may_be_an_alias),
		cmocka_unit_test(a_service_elsewhere_is_no_alias),
		cmocka_unit_test(a_service_that_is_not_there_leads_nowhere),
		cmocka_unit_test(a_malformed_service_counts_as_absent),
		cmocka_unit_test(records_of_others_name_nobody),
		cmocka_unit_test(a_question_answers_nothing),
		cmocka_unit_test(odd_records_count_as_absent),
		cmocka_unit_test(loops_of_aliases_end),
		cmocka_unit_test(sixteen_aliases_are_followed),
		cmocka_unit_test(what_does_not_fit_is_counted),
		cmocka_unit_test(the_first_of_several_questions_counts),
		cmocka_unit_test(bytes_of_a_label_cannot_pass_for_anything_else),
		cmocka_unit_test(the_longest_name_fits_and_a_longer_one_is_malformed),
		cmocka_unit_test(what_is_no_query_is_refused),
		cmocka_unit_test(pointers_lead_backwards_and_are_bounded),
		cmocka_unit_test(a_cut_answer_keeps_what_came_before),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(types_have_names_or_numbers),
		cmocka_unit_test(messages_of_a_stream_follow_each_other),
		cmocka_unit_test(a_stream_that_is_cut_wants_more),
		cmocka_unit_test(what_is_shorter_than_a_header_is_no_message),
	};

	return cmocka_run_group_tests_name("wire dns", tests, NULL, NULL);
}
