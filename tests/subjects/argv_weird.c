/* SPDX-License-Identifier: Apache-2.0 */
/* argv_weird KIND PROGRAM: executes PROGRAM with arguments that are hard to record.
 *
 * KIND: a number (so many bytes of arguments, NULs included, of which the first is "weird"), none (an empty argv, which newer kernels turn into one empty string), empty (empty strings),
 * newline (newlines, tabs, escapes), utf8 (invalid UTF-8), long (one argument of 4,096 bytes), longer
 * (one of 100,000), many (2,000 short ones). */
#include "subject.h"

#define MANY 2000

static char *filled(size_t n)
{
	char *text = malloc(n + 1);

	if (!text)
		die("out of memory");
	memset(text, 'A', n);
	text[n] = 0;
	return text;
}

int main(int argc, char **argv)
{
	static char *many[MANY + 2];
	char *none[] = { NULL };
	char *empty[] = { "", "", "", NULL };
	char *newline[] = { "weird", "one\ntwo", "\ttab", "\033[31mred\033[0m", "\r", NULL };
	char *utf8[] = { "weird", "\xff\xfe", "\xc3", "ok\x80ok", "\xed\xa0\x80", NULL };
	char *one[] = { "weird", NULL, NULL };
	const struct {
		const char *name;
		char **argv;
	} kinds[] = {
		{ "none", none }, { "empty", empty }, { "newline", newline }, { "utf8", utf8 },
		{ "long", one },  { "longer", one },  { "many", many },
	};

	if (argc != 3)
		die("usage: argv_weird BYTES|none|empty|newline|utf8|long|longer|many PROGRAM");
	one[1] = filled(strcmp(argv[1], "longer") == 0 ? 100000 : 4096);
	many[0] = "weird";
	for (int i = 1; i <= MANY; i++)
		many[i] = "argument";
	if (argv[1][0] >= '0' && argv[1][0] <= '9') {
		one[1] = filled(number(argv[1]) - sizeof("weird") - 1);
		execv(argv[2], one);
		die("%s: %m", argv[2]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(argv[1], kinds[i].name) != 0)
			continue;
		fact("pid", "%d", getpid());
		fflush(stdout);
		execv(argv[2], kinds[i].argv);
		die("%s: %m", argv[2]);
	}
	die("no such kind: %s", argv[1]);
}
