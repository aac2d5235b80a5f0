/* SPDX-License-Identifier: Apache-2.0 */
/* env_lookup HOW NAME [TIMES]: looks an environment variable up.
 *
 * HOW: getenv, secure_getenv, environ (reads the block without calling anything). A constructor looks
 * TT_SUBJECT_EARLY up by getenv, before main. Prints NAME's value, and whether it was set. variants.sh builds it also as
 * env_lookup-static (glibc), env_lookup-musl and, static and stripped, env_lookup[-musl]-stripped. */
#include "subject.h"

extern char **environ;
char *secure_getenv(const char *name);

static const char *walk(const char *name)
{
	size_t len = strlen(name);

	for (char **e = environ; *e; e++)
		if (strncmp(*e, name, len) == 0 && (*e)[len] == '=')
			return *e + len + 1;
	return NULL;
}

static const char *call_getenv(const char *name)
{
	return getenv(name);
}

static const char *call_secure_getenv(const char *name)
{
	return secure_getenv(name);
}

static const struct {
	const char *name;
	const char *(*look_up)(const char *name);
} ways[] = {
	{ "getenv", call_getenv },
	{ "secure_getenv", call_secure_getenv },
	{ "environ", walk },
};

/* Before main: the earliest that a program's own code can ask. */
__attribute__((constructor)) static void early(void)
{
	getenv("TT_SUBJECT_EARLY");
}

int main(int argc, char **argv)
{
	long times = argc > 3 ? number(argv[3]) : 1;
	const char *value = NULL;

	for (unsigned i = 0; argc > 2 && i < ARRAY_SIZE(ways); i++) {
		if (strcmp(argv[1], ways[i].name) != 0)
			continue;
		for (long n = 0; n < times; n++)
			value = ways[i].look_up(argv[2]);
		fact("present", "%d", value != NULL);
		fact("value", "%s", value ? value : "");
		fact("pid", "%d", getpid());
		return 0;
	}
	die("usage: env_lookup getenv|secure_getenv|environ NAME [TIMES]");
}
