/* SPDX-License-Identifier: Apache-2.0 */
/* Records are walked in two steps: first for the aliases, once for each that is found, since they may come in any order; then
 * for what belongs to one of the names. Both the aliases and the work for one name are bounded, so it stays linear. */
#include "wire/dns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "util/util.h"

#define HEADER_SIZE   12
#define QUESTION_SIZE 4 /* behind its name; */
#define RECORD_SIZE   10 /* and so of a record */
#define FRAME_SIZE    2

#define FLAG_RESPONSE  0x8000
#define FLAG_OPCODE    0x7800 /* 0: a query */
#define FLAG_TRUNCATED 0x0200
#define FLAG_RCODE     0x000f

#define CLASS_IN    1
#define CLASS_FLUSH 0x8000 /* mDNS: the only records of that name and type (RFC 6762, section 10.2) */

#define WIRE_MAX     255 /* bytes of a name, with its lengths and the root (RFC 1035, section 3.1) */
#define LABEL_MAX    63
#define POINTER	     0xc0
/* As many as a name can have labels. Pointers to pointers are of no use, and could be as many as fit a message. */
#define POINTERS_MAX 127

/* The name asked for, and as many aliases as systemd-resolved follows; others give up earlier. */
#define CHAIN_MAX 17

#define SVC_ALIAS 0 /* the priority that says so (RFC 9460, section 2.4.1) */
#define SVC_ECH	  5

/* As in a message, but in lower case and without pointers. */
struct name {
	size_t len;
	unsigned char wire[WIRE_MAX];
};

/* A name that is asked for or led to. */
struct link {
	struct name name;
	uint32_t ttl; /* of what led to it */
};

struct message {
	const unsigned char *data;
	size_t len;
	size_t records_at;
	unsigned n_records;
};

struct record {
	struct name owner;
	uint16_t type, class;
	uint32_t ttl;
	size_t at, end; /* of its data */
};

static uint16_t get16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* ---- names */

/* Pointers lead to what was written before (RFC 1035, section 4.1.4). Before the piece of the name that they end, that is:
 * pieces come ever earlier, so there is no loop. *at is moved behind the name, on success only. */
static bool read_name(const struct message *m, size_t *at, struct name *ret)
{
	size_t p = *at, piece = p, end = 0, n = 0;
	unsigned pointers = 0;

	for (;;) {
		size_t c, to;

		if (p >= m->len)
			return false;
		c = m->data[p];
		if (c >= POINTER) {
			if (m->len - p < 2 || pointers == POINTERS_MAX)
				return false;
			to = get16(m->data + p) & ~(POINTER << 8);
			if (to < HEADER_SIZE || to >= piece)
				return false;
			if (!pointers++)
				end = p + 2;
			p = piece = to;
			continue;
		}
		if (c > LABEL_MAX || c >= m->len - p || c >= WIRE_MAX - n)
			return false;
		/* A label's length is less than any letter: it goes along. */
		for (size_t i = 0; i <= c; i++) {
			unsigned char b = m->data[p++];

			ret->wire[n++] = b >= 'A' && b <= 'Z' ? (unsigned char)(b - 'A' + 'a') : b;
		}
		if (!c)
			break;
	}
	ret->len = n;
	*at = pointers ? end : p;
	return true;
}

static bool same_name(const struct name *a, const struct name *b)
{
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

/* tt_host_clean() would take a dot within a label for one between two. The longest, four labels, has 1003 bytes. */
static void write_name(const struct name *name, char ret[TT_HOST_MAX])
{
	const unsigned char *label = name->wire;
	size_t n = 0;

	for (; *label; label += 1 + *label) {
		if (n)
			ret[n++] = '.';
		for (size_t i = 1; i <= *label; i++) {
			if (label[i] > ' ' && label[i] < 0x7f && label[i] != '\\' && label[i] != '.')
				ret[n++] = (char)label[i];
			else
				n += (size_t)snprintf(ret + n, 5, "\\%03u", label[i]);
		}
	}
	if (!n)
		ret[n++] = '.';
	ret[n] = '\0';
}

/* ---- records */

static bool read_question(const struct message *m, size_t *at, struct name *ret_name, uint16_t *ret_type)
{
	size_t p = *at;

	if (!read_name(m, &p, ret_name) || m->len - p < QUESTION_SIZE)
		return false;
	*ret_type = get16(m->data + p);
	*at = p + QUESTION_SIZE;
	return true;
}

static bool read_record(const struct message *m, size_t *at, struct record *ret)
{
	const unsigned char *fixed;
	size_t p = *at;

	if (!read_name(m, &p, &ret->owner) || m->len - p < RECORD_SIZE)
		return false;
	fixed = m->data + p;
	ret->type = get16(fixed);
	ret->class = get16(fixed + 2);
	ret->ttl = get32(fixed + 4);
	ret->at = p + RECORD_SIZE;
	ret->end = ret->at + get16(fixed + 8);
	if (ret->end > m->len)
		return false;
	*at = ret->end;
	return true;
}

static bool is_service(const struct record *record)
{
	return record->type == TT_DNS_SVCB || record->type == TT_DNS_HTTPS;
}

/* Priority and target, which are how the data of SVCB and HTTPS records begin; *at is moved from there to its parameters. */
static bool read_service(const struct message *m, const struct record *record, size_t *at,
			 uint16_t *ret_priority, struct name *ret_target)
{
	size_t p = record->at + 2;

	if (record->end - record->at < 2 || !read_name(m, &p, ret_target) || p > record->end)
		return false;
	*ret_priority = get16(m->data + record->at);
	*at = p;
	return true;
}

/* Where a record says that its owner is an alias of another name. An alias of the root is a service that is not there
 * (RFC 9460, section 2.5.1). */
static bool read_alias(const struct message *m, const struct record *record, struct name *ret)
{
	size_t at = record->at;
	uint16_t priority;

	if (record->type == TT_DNS_CNAME)
		return read_name(m, &at, ret) && at == record->end;
	return is_service(record) && read_service(m, record, &at, &priority, ret) && priority == SVC_ALIAS &&
	       ret->wire[0];
}

static bool is_internet(const struct record *record)
{
	return (record->class & ~CLASS_FLUSH) == CLASS_IN;
}

static const struct link *find_link(const struct link *chain, unsigned n, const struct name *name)
{
	for (unsigned i = 0; i < n; i++)
		if (same_name(&chain[i].name, name))
			return &chain[i];
	return NULL;
}

/* The highest bit set says 0, not two thousand years (RFC 2181, section 8). */
static uint32_t least_ttl(const struct link *link, const struct record *record)
{
	uint32_t ttl = record->ttl > INT32_MAX ? 0 : record->ttl;

	return ttl < link->ttl ? ttl : link->ttl;
}

/* The first alias of a name; it can have but one (RFC 2181, section 10.1). */
static bool follow(const struct message *m, const struct link *from, struct link *ret)
{
	size_t at = m->records_at;
	struct record record;

	for (unsigned i = 0; i < m->n_records && read_record(m, &at, &record); i++) {
		if (is_internet(&record) && same_name(&record.owner, &from->name) &&
		    read_alias(m, &record, &ret->name)) {
			ret->ttl = least_ttl(from, &record);
			return true;
		}
	}
	return false;
}

/* ---- answers */

static const struct address {
	uint16_t type, hint; /* a parameter of a service */
	int family;
	size_t size;
} addresses[] = {
	{ TT_DNS_A, 4, AF_INET, 4 },
	{ TT_DNS_AAAA, 6, AF_INET6, 16 },
};

/* One or more addresses without anything between them. */
static bool add_answers(struct tt_dns *dns, const struct address *address, const unsigned char *p, size_t len,
			uint32_t ttl)
{
	if (!len || len % address->size)
		return false;
	for (; len; p += address->size, len -= address->size) {
		struct tt_dns_answer *answer = &dns->answers[dns->n_answers];

		if (dns->n_answers == TT_DNS_ANSWERS_MAX) {
			dns->left_out++;
			continue;
		}
		*answer = (struct tt_dns_answer){ .family = address->family, .ttl = ttl };
		memcpy(answer->addr, p, address->size);
		dns->n_answers++;
	}
	return true;
}

/* Parameters (RFC 9460, section 2.2), in ascending order: if they are malformed, so is the record. */
static bool add_parameters(const struct message *m, size_t at, size_t end, struct tt_dns *dns, uint32_t ttl)
{
	int last = -1;

	while (at < end) {
		uint16_t key, len;

		if (end - at < 4)
			return false;
		key = get16(m->data + at);
		len = get16(m->data + at + 2);
		at += 4;
		if (len > end - at || key <= last)
			return false;
		for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
			if (key == addresses[i].hint &&
			    !add_answers(dns, &addresses[i], m->data + at, len, ttl))
				return false;
		dns->ech |= key == SVC_ECH;
		last = key;
		at += len;
	}
	return true;
}

static void add_service(const struct message *m, const struct record *record, struct tt_dns *dns,
			uint32_t ttl)
{
	unsigned n_answers = dns->n_answers, left_out = dns->left_out;
	bool ech = dns->ech;
	struct name target;
	uint16_t priority;
	size_t at;

	if (!read_service(m, record, &at, &priority, &target) || priority == SVC_ALIAS)
		return;
	if (!add_parameters(m, at, record->end, dns, ttl)) {
		dns->n_answers = n_answers;
		dns->left_out = left_out;
		dns->ech = ech;
	}
}

static void add_record(const struct message *m, const struct record *record, struct tt_dns *dns, uint32_t ttl)
{
	size_t len = record->end - record->at;

	if (is_service(record))
		add_service(m, record, dns, ttl);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		if (record->type == addresses[i].type && len == addresses[i].size)
			add_answers(dns, &addresses[i], m->data + record->at, len, ttl);
}

static void read_answers(const struct message *m, const struct link *chain, unsigned n, struct tt_dns *dns)
{
	size_t at = m->records_at;
	struct record record;

	for (unsigned i = 0; i < m->n_records; i++) {
		const struct link *link;

		if (!read_record(m, &at, &record)) {
			dns->cut = true;
			return;
		}
		if (record.type == TT_DNS_OPT) { /* has neither class nor time */
			dns->rcode = (uint16_t)((dns->rcode & FLAG_RCODE) | record.ttl >> 24 << 4);
			continue;
		}
		link = is_internet(&record) ? find_link(chain, n, &record.owner) : NULL;
		if (link)
			add_record(m, &record, dns, least_ttl(link, &record));
	}
}

/* ---- public */

int tt_dns_parse(const void *message, size_t len, struct tt_dns *ret)
{
	struct message m = { .data = message, .len = len };
	struct link chain[CHAIN_MAX];
	uint16_t flags, n_questions, type;
	size_t at = HEADER_SIZE;
	struct name name;
	unsigned n = 1;

	if (len < HEADER_SIZE)
		return -EBADMSG;
	flags = get16(m.data + 2);
	n_questions = get16(m.data + 4);
	if ((flags & FLAG_OPCODE) || !n_questions || !read_question(&m, &at, &chain[0].name, &type))
		return -EBADMSG;

	*ret = (struct tt_dns){
		.id = get16(m.data),
		.qtype = type,
		.response = flags & FLAG_RESPONSE,
		.truncated = flags & FLAG_TRUNCATED,
		.rcode = flags & FLAG_RCODE,
	};
	write_name(&chain[0].name, ret->name);
	/* What a question has behind it is what the asker knows (RFC 6762, section 7.1), or wants to be called. */
	if (!ret->response)
		return 0;
	for (unsigned i = 1; i < n_questions && !ret->cut; i++)
		ret->cut = !read_question(&m, &at, &name, &type);
	if (ret->cut)
		return 0;

	m.records_at = at;
	m.n_records = (unsigned)get16(m.data + 6) + get16(m.data + 8) + get16(m.data + 10);
	chain[0].ttl = INT32_MAX;
	while (n < CHAIN_MAX && follow(&m, &chain[n - 1], &chain[n]) && !find_link(chain, n, &chain[n].name))
		n++;
	if (n > 1)
		write_name(&chain[n - 1].name, ret->canonical);
	read_answers(&m, chain, n, ret);
	return 0;
}

const char *tt_dns_type_name(uint16_t type, char buf[16])
{
	static const struct {
		uint16_t type;
		const char *name;
	} types[] = {
		{ TT_DNS_A, "A" },
		{ 2, "NS" },
		{ TT_DNS_CNAME, "CNAME" },
		{ 6, "SOA" },
		{ 12, "PTR" },
		{ 13, "HINFO" },
		{ 15, "MX" },
		{ 16, "TXT" },
		{ TT_DNS_AAAA, "AAAA" },
		{ 29, "LOC" },
		{ 33, "SRV" },
		{ 35, "NAPTR" },
		{ 39, "DNAME" },
		{ 43, "DS" },
		{ TT_DNS_OPT, "OPT" },
		{ 44, "SSHFP" },
		{ 46, "RRSIG" },
		{ 47, "NSEC" },
		{ 48, "DNSKEY" },
		{ 50, "NSEC3" },
		{ 52, "TLSA" },
		{ TT_DNS_SVCB, "SVCB" },
		{ 99, "SPF" },
		{ 251, "IXFR" },
		{ TT_DNS_HTTPS, "HTTPS" },
		{ 252, "AXFR" },
		{ 255, "ANY" },
		{ 256, "URI" },
		{ 257, "CAA" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].name;
	snprintf(buf, 16, "TYPE%u", type);
	return buf;
}

enum tt_wire_result tt_dns_next(const void *stream, size_t len, size_t *at, const void **ret_message,
				size_t *ret_len)
{
	const unsigned char *frame = (const unsigned char *)stream + *at;
	size_t n;

	if (len - *at < FRAME_SIZE)
		return TT_WIRE_MORE;
	n = get16(frame);
	if (n < HEADER_SIZE)
		return TT_WIRE_OTHER;
	if (len - *at - FRAME_SIZE < n)
		return TT_WIRE_MORE;
	*ret_message = frame + FRAME_SIZE;
	*ret_len = n;
	*at += FRAME_SIZE + n;
	return TT_WIRE_FOUND;
}
