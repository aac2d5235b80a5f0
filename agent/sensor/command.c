/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving a command line: see command.h. */
#include "sensor/command.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "util/util.h"

#define SHEBANG_MAX  256 /* BINPRM_BUF_SIZE: the kernel reads no more of a #! line */
#define SHEBANGS_MAX 5 /* nested, exec_binprm() in the kernel */
#define WORDS_MAX    32

/* What execvp(3) searches when PATH is not set (confstr _CS_PATH of glibc). */
#define DEFAULT_PATH "/bin:/usr/bin"

struct resolver {
	const char *path, *cwd;
	char path_copy[PATH_MAX]; /* backs path when env(1) sets it */
	struct tt_command_chain *chain;
	int shebangs;
};

void tt_command_chain_done(struct tt_command_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		free(chain->files[i]);
	*chain = (struct tt_command_chain){ .n = 0 };
}

/* 0 when name is a regular file that somebody may execute. */
static int check_executable(const char *name)
{
	struct stat st;

	if (stat(name, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && (st.st_mode & 0111) ? 0 : -EACCES;
}

/* cwd/dir/name, malloc'd, if it may be executed. */
static int try_file(const char *cwd, const char *dir, size_t dir_len, const char *name, char **ret)
{
	char full[PATH_MAX];
	bool absolute = (dir_len ? dir[0] : name[0]) == '/';
	char *copy;
	int n, r;

	n = snprintf(full, sizeof(full), "%s%s%.*s%s%s", absolute ? "" : cwd, absolute ? "" : "/",
		     (int)dir_len, dir, dir_len ? "/" : "", name);
	if (n < 0 || (size_t)n >= sizeof(full))
		return -ENAMETOOLONG;
	r = check_executable(full);
	if (r < 0)
		return r;
	copy = strdup(full);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

int tt_command_find(const char *name, const char *path, const char *cwd, char **ret)
{
	bool denied = false;
	int r;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/'))
		return try_file(cwd, "", 0, name, ret);

	for (const char *dir = path ? path : DEFAULT_PATH;; dir++) {
		size_t len = strcspn(dir, ":");

		/* an empty element is the current directory */
		r = try_file(cwd, dir, len, name, ret);
		if (r == 0 || r == -ENOMEM)
			return r;
		denied = denied || r == -EACCES;
		dir += len;
		if (!*dir)
			return denied ? -EACCES : -ENOENT;
	}
}

/* ---- env(1) */

/* Options of env(1) that take their value from the next word. */
static bool env_option_takes_word(const char *word)
{
	static const char *const options[] = { "-u", "--unset", "-C", "--chdir", "-a", "--argv0" };

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (tt_streq(word, options[i]))
			return true;
	return false;
}

static int resolve_name(struct resolver *r, const char *name, const char *const *args);

/* Splits text at blanks in place, as `env -S` does but for quotes and escapes, which occur in no #!
 * line seen so far; a wrong guess costs an early probe and nothing else. */
static size_t split_words(char *text, const char **words, size_t max)
{
	char *state = NULL;
	size_t n = 0;

	for (char *w = strtok_r(text, " \t", &state); w && n < max; w = strtok_r(NULL, " \t", &state))
		words[n++] = w;
	return n;
}

static int resolve_env(struct resolver *r, const char *const *args);

/* `env -S 'node --flag'`: the string's words stand in the place of the option. */
static int resolve_env_split(struct resolver *r, const char *text, const char *const *rest)
{
	const char *words[WORDS_MAX + 1];
	_cleanup_free_ char *copy = strdup(text);
	size_t n;

	if (!copy)
		return -ENOMEM;
	n = split_words(copy, words, WORDS_MAX);
	while (rest && *rest && n < WORDS_MAX)
		words[n++] = *rest++;
	words[n] = NULL;
	return resolve_env(r, words);
}

/* args: env's arguments, without env itself. */
static int resolve_env(struct resolver *r, const char *const *args)
{
	for (; *args; args++) {
		const char *word = *args;

		if (tt_streq(word, "--"))
			continue;
		if (strncmp(word, "--split-string=", 15) == 0)
			return resolve_env_split(r, word + 15, args + 1);
		if (tt_streq(word, "-S") || tt_streq(word, "--split-string"))
			return args[1] ? resolve_env_split(r, args[1], args + 2) : -ENOENT;
		if (strncmp(word, "-S", 2) == 0 || strncmp(word, "-vS", 3) == 0 ||
		    strncmp(word, "-iS", 3) == 0)
			return resolve_env_split(r, strchr(word, 'S') + 1, args + 1);
		if (env_option_takes_word(word)) {
			if (!*++args)
				return -ENOENT;
			continue;
		}
		if (word[0] == '-')
			continue;
		if (strncmp(word, "PATH=", 5) == 0) {
			snprintf(r->path_copy, sizeof(r->path_copy), "%s", word + 5);
			r->path = r->path_copy;
			continue;
		}
		if (strchr(word, '='))
			continue;
		return resolve_name(r, word, args + 1);
	}
	return 0; /* env alone prints the environment */
}

/* ---- #! lines */

/* Reads a #! line into line; 0 if the file does not begin with one. */
static int read_shebang(const char *file, char *line, size_t size)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pread(fd, line, size - 1, 0);
	if (n < 0)
		return -errno;
	line[n] = '\0';
	if (line[0] != '#' || line[1] != '!')
		return 0;
	line[strcspn(line, "\n")] = '\0';
	return 1;
}

/* The interpreter and its single argument (rest of the line without the blanks around it). */
static void split_shebang(char *line, char **ret_interp, char **ret_arg)
{
	char *interp = line + 2, *arg, *end;

	interp += strspn(interp, " \t");
	end = interp + strlen(interp);
	while (end > interp && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	arg = interp + strcspn(interp, " \t");
	if (*arg) {
		*arg++ = '\0';
		arg += strspn(arg, " \t");
	}
	*ret_interp = interp;
	*ret_arg = *arg ? arg : NULL;
}

/* file has been found: note it, and go on to what it leads to. */
static int resolve_file(struct resolver *r, char *file, const char *const *args)
{
	const char *env_args[WORDS_MAX + 2];
	char line[SHEBANG_MAX], *interp, *arg;
	size_t n = 0;
	int s;

	if (r->chain->n == TT_COMMAND_FILES_MAX) {
		free(file);
		return -ELOOP;
	}
	r->chain->files[r->chain->n++] = file;

	s = read_shebang(file, line, sizeof(line));
	if (s < 0)
		return s;
	if (s == 0) {
		/* args are those of `env` typed as the command; a script's own are not looked at */
		return tt_streq(tt_basename(file), "env") ? resolve_env(r, args) : 0;
	}
	if (++r->shebangs > SHEBANGS_MAX)
		return -ELOOP;

	split_shebang(line, &interp, &arg);
	if (!*interp)
		return -ENOENT;
	if (arg)
		env_args[n++] = arg;
	env_args[n++] = file; /* env without a command word would run the script again: stops at -ELOOP */
	env_args[n] = NULL;
	return resolve_name(r, interp, env_args);
}

static int resolve_name(struct resolver *r, const char *name, const char *const *args)
{
	char *file;
	int s;

	s = tt_command_find(name, r->path, r->cwd, &file);
	if (s < 0)
		return s;
	return resolve_file(r, file, args);
}

int tt_command_resolve(const char *const *argv, const char *path, const char *cwd,
		       struct tt_command_chain *ret)
{
	struct resolver r = { .path = path, .cwd = cwd, .chain = ret };

	*ret = (struct tt_command_chain){ .n = 0 };
	if (!argv[0])
		return -ENOENT;
	return resolve_name(&r, argv[0], argv + 1);
}
