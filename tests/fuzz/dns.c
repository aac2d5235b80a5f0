/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as a message, as the first part of one, and as a stream of them. */
#include "wire/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char name[TT_HOST_MAX])
{
	size_t len = strnlen(name, TT_HOST_MAX);

	if (len == TT_HOST_MAX)
		abort();
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f || (name[i] >= 'A' && name[i] <= 'Z'))
			abort();
}

static int parse(const uint8_t *data, size_t size, struct tt_dns *ret)
{
	uint8_t *copy = malloc(size ? size : 1);
	char type[16];
	int r;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	r = tt_dns_parse(copy, size, ret);
	free(copy);
	if (r == -EBADMSG)
		return r;
	if (r != 0 || ret->n_answers > TT_DNS_ANSWERS_MAX || !ret->name[0])
		abort();
	if (ret->left_out && ret->n_answers < TT_DNS_ANSWERS_MAX)
		abort();
	if (!ret->response && (ret->n_answers || ret->canonical[0] || ret->ech || ret->cut))
		abort();
	check_name(ret->name);
	check_name(ret->canonical);
	if (strlen(tt_dns_type_name(ret->qtype, type)) >= sizeof(type))
		abort();
	for (unsigned i = 0; i < ret->n_answers; i++) {
		const struct tt_dns_answer *answer = &ret->answers[i];

		if (answer->ttl > INT32_MAX || (answer->family != AF_INET && answer->family != AF_INET6) ||
		    (answer->family == AF_INET && memcmp(answer->addr + 4, (uint8_t[12]){ 0 }, 12) != 0))
			abort();
	}
	return 0;
}

/* What was there before a message was cut does not change by what comes behind it. */
static void check_part(const uint8_t *data, size_t size, const struct tt_dns *whole)
{
	static struct tt_dns part;

	if (parse(data, size, &part) != 0)
		return;
	if (part.id != whole->id || part.qtype != whole->qtype || strcmp(part.name, whole->name) != 0 ||
	    part.n_answers + part.left_out > whole->n_answers + whole->left_out ||
	    (part.ech && !whole->ech) || (whole->cut && !part.cut))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tt_dns dns;
	const void *message;
	size_t at = 0, before, len;

	if (parse(data, size, &dns) == 0) {
		check_part(data, size / 2, &dns);
		check_part(data, size - 1, &dns);
	}
	for (before = 0; tt_dns_next(data, size, &at, &message, &len) == TT_WIRE_FOUND; before = at) {
		if (at > size || at - before != len + 2 || (const uint8_t *)message != data + before + 2)
			abort();
		parse(message, len, &dns);
	}
	if (at != before)
		abort();
	return 0;
}
