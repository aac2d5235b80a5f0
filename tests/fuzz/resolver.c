/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: the first byte chooses the resolver, the others are the stream to it, whole and cut. */
#include "wire/resolver.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct question {
	enum tt_wire_result result;
	char name[TT_HOST_MAX];
	uint16_t type;
};

static void check_name(const char name[TT_HOST_MAX])
{
	size_t len = strnlen(name, TT_HOST_MAX);

	if (!len || len == TT_HOST_MAX)
		abort();
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f || (name[i] >= 'A' && name[i] <= 'Z'))
			abort();
}

/* False: there is no going on. */
static bool next(enum tt_resolver which, const uint8_t *data, size_t size, size_t *at, struct question *ret)
{
	size_t before = *at;
	bool moves;

	memset(ret, 0, sizeof(*ret));
	ret->result = tt_resolver_question(which, data, size, at, ret->name, &ret->type);
	moves = ret->result == TT_WIRE_FOUND || ret->result == TT_WIRE_NONE;
	if (*at > size || moves != (*at > before))
		abort();
	if (ret->result == TT_WIRE_FOUND)
		check_name(ret->name);
	else if (ret->name[0] || ret->type)
		abort();
	return moves;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct question whole, part;
	size_t at = 0, part_at = 0, part_size;
	enum tt_resolver which;
	uint8_t *copy;
	bool more;

	if (!size--)
		return 0;
	which = *data++ & 3;
	part_size = size - size / 4;
	copy = malloc(part_size + 1);
	if (!copy)
		abort();
	memcpy(copy + 1, data, part_size); /* at the end of it, and not aligned */
	more = true;
	while (next(which, data, size, &at, &whole)) {
		if (!more)
			continue;
		more = next(which, copy + 1, part_size, &part_at, &part);
		if (more ? part_at != at || memcmp(&whole, &part, sizeof(whole)) != 0
			 : part.result != TT_WIRE_MORE)
			abort();
	}
	free(copy);
	return 0;
}
