/* SPDX-License-Identifier: Apache-2.0 */
/* Go's table of functions, as much of it as finding one by name needs. See pclntab.h.
 *
 * The name is looked for first, in the bytes of the names; then each function is asked whether its name is there.
 * Functions lie in the table in the order of the list that leads to them, so that a piece read once serves many. A table
 * that jumps about is not one that Go's linker wrote, and would cost a read for each function: it is given up. */
#include "util/pclntab.h"

#include <errno.h>
#include <stddef.h>

#include "util/util.h"

/* Kubernetes' largest program has 40 MB of it and 130,000 functions. */
#define TABLE_MAX     (256ull << 20)
#define FUNCTIONS_MAX (1ull << 20)
#define PIECE	      (64u * 1024)
#define NAME_MAX_LEN  256
/* How often the bytes of the name may end other names (a package may be called x/syscall). */
#define PLACES_MAX    64

#define MAGIC_2	 0xfffffffbu
#define MAGIC_16 0xfffffffau
#define MAGIC_18 0xfffffff0u
#define MAGIC_20 0xfffffff1u

/* Where things are, per layout. The header's first 8 bytes are the same in all; words of 8 bytes follow. */
static const struct layout {
	uint32_t magic;
	unsigned version;
	bool relative; /* functions are told by 32-bit distances from the text */
	/* numbers of the header's words; NONE: there is no such word, and it starts where the table does */
	int text, names, list;
	unsigned words; /* in the header */
} layouts[] = {
#define NONE (-1)
	{ MAGIC_2, 2, false, NONE, NONE, NONE, 1 },
	{ MAGIC_16, 16, false, NONE, 2, 6, 7 },
	{ MAGIC_18, 18, true, 2, 3, 7, 8 },
	{ MAGIC_20, 20, true, 2, 3, 7, 8 },
};

#define HEADER_MAX (8 + 8 * 8)

/* A piece of the file that was read last. */
struct reader {
	const struct tt_pclntab *tab;
	uint64_t at, len, reads, reads_max;
	unsigned char *data; /* of PIECE bytes */
};

static void reader_done(struct reader *reader)
{
	free(reader->data);
}

static int reader_init(struct reader *reader, const struct tt_pclntab *tab)
{
	/* each piece once, and again where something lies across its end */
	*reader = (struct reader){ .tab = tab,
				   .reads_max = 4 * (tab->size / PIECE + 1),
				   .data = malloc(PIECE) };
	return reader->data ? 0 : -ENOMEM;
}

/* len bytes from `at` on in the table; NULL: they are not all there, or the table has cost enough. */
static const unsigned char *bytes_at(struct reader *reader, uint64_t at, size_t len)
{
	const struct tt_pclntab *tab = reader->tab;
	ssize_t n;

	if (at > tab->size || tab->size - at < len)
		return NULL;
	if (at < reader->at || at - reader->at > reader->len || reader->len - (at - reader->at) < len) {
		if (reader->reads++ >= reader->reads_max)
			return NULL;
		n = TEMP_FAILURE_RETRY(pread(tab->fd, reader->data, PIECE, (off_t)(tab->offset + at)));
		reader->at = at;
		reader->len = n > 0 ? (uint64_t)n : 0;
		if (reader->len < len)
			return NULL;
	}
	return reader->data + (at - reader->at);
}

static uint32_t u32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t u64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static const struct layout *layout_of(uint32_t magic)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].magic == magic)
			return &layouts[i];
	return NULL;
}

/* A word of the header, or 0. */
static uint64_t word(const unsigned char header[HEADER_MAX], int number)
{
	return number == NONE ? 0 : u64(header + 8 + 8 * number);
}

/* *ret_header has the words that the layout has, and zeros. */
static const struct layout *read_header(const struct tt_pclntab *tab, unsigned char header[HEADER_MAX])
{
	const struct layout *layout;
	ssize_t n;

	memset(header, 0, HEADER_MAX);
	n = TEMP_FAILURE_RETRY(pread(tab->fd, header, HEADER_MAX, (off_t)tab->offset));
	if (n < 16)
		return NULL;
	layout = layout_of(u32(header));
	/* two zeros, the unit of code addresses (1 on x86, 4 on arm64), the size of a pointer */
	if (!layout || header[4] || header[5] || (header[6] != 1 && header[6] != 2 && header[6] != 4) ||
	    header[7] != 8 || (uint64_t)n < 8 + 8 * layout->words || tab->size < 8 + 8 * layout->words)
		return NULL;
	return layout;
}

int tt_pclntab_open(int fd, uint64_t offset, uint64_t size, struct tt_pclntab *ret)
{
	struct tt_pclntab tab = { .fd = fd, .offset = offset, .size = size };
	unsigned char header[HEADER_MAX];
	const struct layout *layout;

	if (size > TABLE_MAX || offset > (uint64_t)INT64_MAX - size)
		return -ENOEXEC;
	layout = read_header(&tab, header);
	if (!layout)
		return -ENOEXEC;
	tab.version = layout->version;
	tab.functions = word(header, 0);
	tab.text = word(header, layout->text);
	if (tab.functions > FUNCTIONS_MAX)
		return -ENOEXEC;
	*ret = tab;
	return 0;
}

/* Places of the name's bytes, with the NUL behind them, as distances from the names' start. */
static size_t find_places(struct reader *reader, uint64_t names, const char *name,
			  uint64_t places[PLACES_MAX])
{
	size_t len = strlen(name) + 1, n = 0;

	for (uint64_t at = names; n < PLACES_MAX && at < reader->tab->size;) {
		uint64_t left = reader->tab->size - at;
		size_t want = left < PIECE ? (size_t)left : PIECE;
		const unsigned char *piece = bytes_at(reader, at, want), *p = piece;

		if (!piece || want < len)
			break;
		while (n < PLACES_MAX) {
			p = memmem(p, want - (size_t)(p - piece), name, len);
			if (!p)
				break;
			places[n++] = at + (uint64_t)(p - piece) - names;
			p++;
		}
		/* a name may lie across the end of a piece, but is found once */
		at += want - (len - 1);
	}
	return n;
}

static bool is_place(const uint64_t places[PLACES_MAX], size_t n, uint64_t place)
{
	for (size_t i = 0; i < n; i++)
		if (places[i] == place)
			return true;
	return false;
}

/* The list: a function's start and where in the table it is described, by 32 or 64 bits each. The description
 * begins with the start again, and then the place of the name. */
static int find_function(struct reader *list, struct reader *functions, const struct layout *layout,
			 uint64_t list_at, uint64_t described_at, const uint64_t places[PLACES_MAX],
			 size_t n_places, uint64_t *ret)
{
	size_t half = layout->relative ? 4 : 8;

	for (uint64_t i = 0; i < list->tab->functions; i++) {
		const unsigned char *entry = bytes_at(list, list_at + i * 2 * half, 2 * half), *function;
		uint64_t start, at;

		if (!entry)
			return -ENOENT;
		start = layout->relative ? u32(entry) : u64(entry);
		at = layout->relative ? u32(entry + half) : u64(entry + half);
		if (at > list->tab->size)
			return -ENOENT;
		function = bytes_at(functions, described_at + at, half + 4);
		if (!function)
			return -ENOENT;
		if (is_place(places, n_places, u32(function + half))) {
			*ret = start;
			return 0;
		}
	}
	return -ENOENT;
}

int tt_pclntab_find(const struct tt_pclntab *tab, const char *name, uint64_t *ret)
{
	_cleanup_(reader_done) struct reader list = { 0 }, functions = { 0 };
	unsigned char header[HEADER_MAX];
	const struct layout *layout = read_header(tab, header);
	uint64_t places[PLACES_MAX], names, list_at, described_at;
	size_t n;

	/* it may have changed since it was opened */
	if (!layout || layout->version != tab->version || strlen(name) >= NAME_MAX_LEN)
		return -ENOENT;
	names = word(header, layout->names);
	list_at = described_at = word(header, layout->list);
	if (layout->list == NONE)
		list_at = 8 + 8 * layout->words;
	if (names > tab->size || list_at > tab->size)
		return -ENOENT;
	if (reader_init(&list, tab) < 0 || reader_init(&functions, tab) < 0)
		return -ENOMEM;
	n = find_places(&list, names, name, places);
	if (!n)
		return -ENOENT;
	list.reads = 0;
	return find_function(&list, &functions, layout, list_at, described_at, places, n, ret);
}
