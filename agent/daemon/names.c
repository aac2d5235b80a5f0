/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <uthash.h>
#include <utlist.h>

#include "util/address.h"
#include "util/buf.h"
#include "util/util.h"
#include "wire/dns.h"
#include "wire/resolver.h"

/* Programs use an answer for longer than it holds: connections that are kept, caches of their own. */
#define GRACE_NS UINT64_C(60000000000)

/* What makes questions one row; all zeros where not set. */
struct question_key {
	struct tt_process_key process;
	uint16_t source; /* enum tt_name_source */
	uint16_t type;
	char name[TT_HOST_MAX];
};

struct question {
	struct question_key key;
	uint64_t row_id;
	struct tt_id process_id;
	uint64_t count, first_ns, last_ns;
	char *answers; /* JSON; NULL: none came yet */
	int rcode; /* -1: none came yet */
	bool owed;
	UT_hash_handle hh;
};

/* An address that was somebody's answer. */
struct answer {
	struct tt_address address;
	struct tt_process_key process;
	const struct tt_session *session;
	uint64_t until_ns;
	enum tt_name_source source;
	char *name;
	struct answer *same; /* the same address, told before */
	struct answer *next, *prev; /* in the order in which they were told */
};

struct known_address {
	struct tt_address address;
	struct answer *newest;
	UT_hash_handle hh;
};

struct tt_names {
	struct tt_names_params params;
	struct question *questions;
	struct known_address *addresses;
	struct answer *answers;
	unsigned n_answers;
};

const char *tt_name_confidence_text(enum tt_name_confidence confidence)
{
	static const char *const texts[] = {
		[TT_NAME_UNSURE] = "low",
		[TT_NAME_LIKELY] = "medium",
		[TT_NAME_SURE] = "high",
	};

	return texts[confidence];
}

int tt_names_new(const struct tt_names_params *params, struct tt_names **ret)
{
	struct tt_names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->params = *params;
	*ret = names;
	return 0;
}

static void forget_question(struct tt_names *names, struct question *question)
{
	HASH_DEL(names->questions, question);
	free(question->answers);
	free(question);
}

static struct known_address *find_address(const struct tt_names *names, const struct tt_address *address)
{
	struct known_address *known;

	HASH_FIND(hh, names->addresses, address, sizeof(*address), known);
	return known;
}

static void forget_answer(struct tt_names *names, struct answer *answer)
{
	struct known_address *known = find_address(names, &answer->address);
	struct answer **at = &known->newest;

	while (*at != answer)
		at = &(*at)->same;
	*at = answer->same;
	if (!known->newest) {
		HASH_DEL(names->addresses, known);
		free(known);
	}
	DL_DELETE(names->answers, answer);
	names->n_answers--;
	free(answer->name);
	free(answer);
}

void tt_names_free(struct tt_names *names)
{
	if (!names)
		return;
	while (names->answers)
		forget_answer(names, names->answers);
	while (names->questions)
		forget_question(names, names->questions);
	free(names);
}

/* ---- questions */

static int put(struct tt_names *names, struct question *question, int64_t to_epoch_ns)
{
	bool any = question->key.source != TT_NAME_DNS && question->key.type == TT_RESOLVER_ANY_ADDRESS;
	char type[16];
	struct tt_row_name row = {
		.row_id = question->row_id,
		.process_id = question->process_id,
		.name = question->key.name,
		.type = any ? NULL : tt_dns_type_name(question->key.type, type),
		.source = tt_name_source_text(question->key.source),
		.answers = question->answers,
		.result = question->rcode,
		.count = question->count,
		.first_ns = (int64_t)question->first_ns + to_epoch_ns,
		.last_ns = (int64_t)question->last_ns + to_epoch_ns,
	};
	int r = tt_batch_name(names->params.batch, &row);

	question->owed = r < 0;
	return r;
}

static struct question *find_question(struct tt_names *names, const struct tt_told *told,
				      const struct tt_process *process, struct question_key *key)
{
	struct question *question;

	memset(key, 0, sizeof(*key));
	key->process = process->key;
	key->source = told->source;
	key->type = told->type;
	snprintf(key->name, sizeof(key->name), "%s", told->name);
	HASH_FIND(hh, names->questions, key, sizeof(*key), question);
	return question;
}

static struct question *new_question(struct tt_names *names, const struct question_key *key,
				     const struct tt_process *process, uint64_t now_ns, int64_t to_epoch_ns)
{
	struct question *question;

	/* the oldest makes room: it has its row, and is another one if it is asked again */
	if (HASH_COUNT(names->questions) >= names->params.max_rows) {
		question = names->questions;
		if (question->owed && put(names, question, to_epoch_ns) < 0)
			return NULL;
		forget_question(names, question);
	}
	question = calloc(1, sizeof(*question));
	if (!question)
		return NULL;
	question->key = *key;
	question->process_id = process->id;
	question->row_id = names->params.next_row_id(names->params.arg);
	question->first_ns = now_ns;
	question->rcode = -1;
	HASH_ADD(hh, names->questions, key, sizeof(question->key), question);
	return question;
}

static char *answers_json(const struct tt_told *told)
{
	struct tt_buf buf = TT_BUF_INIT;
	char text[INET6_ADDRSTRLEN];

	tt_buf_char(&buf, '[');
	if (told->canonical && told->canonical[0])
		tt_buf_json(&buf, told->canonical);
	for (unsigned i = 0; i < told->n; i++) {
		if (buf.len > 1)
			tt_buf_char(&buf, ',');
		inet_ntop(told->answers[i].family, told->answers[i].addr, text, sizeof(text));
		tt_buf_json(&buf, text);
	}
	tt_buf_char(&buf, ']');
	return tt_buf_take(&buf);
}

/* ---- answers */

static int remember(struct tt_names *names, const struct tt_dns_answer *given, const struct tt_told *told,
		    const struct tt_process *process, uint64_t now_ns)
{
	struct known_address *known;
	struct answer *answer;
	struct tt_address address;

	address = tt_address_of(given->family, given->addr);
	known = find_address(names, &address);
	for (answer = known ? known->newest : NULL; answer; answer = answer->same) {
		if (answer->source == told->source && tt_streq(answer->name, told->name) &&
		    tt_process_key_equal(&answer->process, &process->key))
			break;
	}
	if (answer) {
		answer->until_ns = now_ns + given->ttl * UINT64_C(1000000000);
		return 0;
	}
	if (names->n_answers >= names->params.max_addresses)
		forget_answer(names, names->answers);
	known = find_address(names, &address);
	answer = calloc(1, sizeof(*answer));
	if (!answer)
		return -ENOMEM;
	answer->name = strdup(told->name);
	if (!known) {
		known = calloc(1, sizeof(*known));
		if (known) {
			known->address = address;
			HASH_ADD(hh, names->addresses, address, sizeof(known->address), known);
		}
	}
	if (!answer->name || !known) {
		free(answer->name);
		free(answer);
		return -ENOMEM;
	}
	answer->address = address;
	answer->source = told->source;
	answer->process = process->key;
	answer->session = process->session;
	answer->until_ns = now_ns + given->ttl * UINT64_C(1000000000);
	answer->same = known->newest;
	known->newest = answer;
	DL_APPEND(names->answers, answer);
	names->n_answers++;
	return 0;
}

int tt_names_told(struct tt_names *names, const struct tt_told *told, const struct tt_process *process,
		  uint64_t now_ns, int64_t to_epoch_ns)
{
	struct question_key key;
	struct question *question = find_question(names, told, process, &key);

	for (unsigned i = 0; told->response && i < told->n; i++) {
		int r = remember(names, &told->answers[i], told, process, now_ns);

		if (r < 0)
			return r;
	}
	if (!question)
		question = new_question(names, &key, process, now_ns, to_epoch_ns);
	if (!question)
		return -ENOSPC;
	question->last_ns = now_ns;
	if (!told->response) {
		question->count++;
	} else {
		question->rcode = told->rcode;
		if (told->n || !question->answers) {
			free(question->answers);
			question->answers = answers_json(told);
		}
		/* asked before the process was watched */
		if (!question->count)
			question->count = 1;
	}
	put(names, question, to_epoch_ns);
	return 0;
}

int tt_names_dns(struct tt_names *names, const struct tt_dns *message, const struct tt_process *process,
		 uint64_t now_ns, int64_t to_epoch_ns)
{
	struct tt_told told = {
		.source = TT_NAME_DNS,
		.type = message->qtype,
		.name = message->name,
		.response = message->response,
		.rcode = message->rcode,
		.canonical = message->canonical,
		.answers = message->answers,
		.n = message->n_answers,
	};

	return tt_names_told(names, &told, process, now_ns, to_epoch_ns);
}

/* How sure it is that this answer is why the process goes there. */
static bool judge(const struct answer *answer, const struct tt_process *process, uint64_t now_ns,
		  enum tt_name_confidence *ret)
{
	bool own = tt_process_key_equal(&answer->process, &process->key);

	if (!own && (!process->session || answer->session != process->session))
		return false;
	*ret = now_ns > answer->until_ns + GRACE_NS ? TT_NAME_UNSURE : own ? TT_NAME_SURE : TT_NAME_LIKELY;
	return true;
}

/* Who asks for "db" asks a name server for "db.example.com", by the search list (resolv.conf(5)). */
static bool is_short_for(const char *name, const char *whole)
{
	size_t len = strlen(name);

	return strncmp(name, whole, len) == 0 && whole[len] == '.' && !strchr(name, '.');
}

/* The same host: which is the better name for it? A name server's answer says how long it holds. */
static const struct answer *better_of(const struct answer *a, const struct answer *b)
{
	if (tt_streq(a->name, b->name))
		return a->source <= b->source ? a : b;
	if (is_short_for(a->name, b->name))
		return b;
	return is_short_for(b->name, a->name) ? a : NULL;
}

static unsigned add_other(struct tt_name ret[TT_NAMES_MAX], unsigned n, const struct answer *answer)
{
	for (unsigned i = 0; i < n; i++) {
		if (ret[i].source == answer->source || tt_streq(ret[i].text, answer->name))
			return n;
	}
	if (n < TT_NAMES_MAX)
		ret[n++] = (struct tt_name){ answer->name, answer->source, TT_NAME_UNSURE };
	return n;
}

unsigned tt_names_find(const struct tt_names *names, int family, const uint8_t addr[16],
		       const struct tt_process *process, uint64_t now_ns, struct tt_name ret[TT_NAMES_MAX])
{
	struct tt_address address = tt_address_of(family, addr);
	const struct known_address *known = find_address(names, &address);
	const struct answer *newest = known ? known->newest : NULL, *best = NULL, *better;
	enum tt_name_confidence how, most = TT_NAME_UNSURE;
	bool several = false;
	unsigned n = 0;

	for (const struct answer *answer = newest; answer; answer = answer->same) {
		if (!judge(answer, process, now_ns, &how) || (best && how < most))
			continue;
		better = best && how == most ? better_of(best, answer) : answer;
		several = how == most && best && (several || !better);
		most = how;
		best = better ? better : best;
	}
	/* of several that others were told, any would be a guess */
	if (!best || (several && !tt_process_key_equal(&best->process, &process->key)))
		return 0;
	ret[n++] = (struct tt_name){ best->name, best->source, several ? TT_NAME_UNSURE : most };
	for (const struct answer *answer = newest; answer; answer = answer->same) {
		if (judge(answer, process, now_ns, &how) && how == most && !better_of(best, answer))
			n = add_other(ret, n, answer);
	}
	return n;
}

bool tt_names_was_told(const struct tt_names *names, int family, const uint8_t addr[16],
		       const struct tt_process *process, const char *host)
{
	struct tt_address address = tt_address_of(family, addr);
	struct known_address *known = find_address(names, &address);
	enum tt_name_confidence how;

	for (const struct answer *answer = known ? known->newest : NULL; answer; answer = answer->same) {
		if (tt_streq(answer->name, host) && judge(answer, process, 0, &how))
			return true;
	}
	return false;
}

void tt_names_settle(struct tt_names *names, const struct tt_process_table *table, int64_t to_epoch_ns)
{
	struct question *question, *next;

	HASH_ITER (hh, names->questions, question, next) {
		if (question->owed)
			put(names, question, to_epoch_ns);
		if (!table || (!question->owed && !tt_process_find(table, &question->key.process)))
			forget_question(names, question);
	}
}
