/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines without their secrets and prompts, see redact.h.
 *
 * Two layers. Options decide by name what their value is (options of tools in general, a few of particular
 * tools, prompt options of agents). Whatever is kept after that goes through scrub(), which knows secrets by
 * their look or by the name before them, also in the middle of a `sh -c` string. In doubt both redact: a lost
 * word is a small loss, a kept password is not. What has no name, no known look and no known option cannot be
 * recognised, and stays. */
#include "process/redact.h"

#include <ctype.h>
#include <strings.h>

#include "config/config.h"
#include "process/script.h"
#include "util/buf.h"

#define REDACTED "<redacted>"

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(text, *list))
			return true;
	return false;
}

/* ---- names of secrets */

#define SECRET_NAME_MAX 128

/* Endings of names, in lower case and without separators: --api-key, OPENAI_API_KEY, apiKey. */
static const char *const secret_endings[] = {
	"apikey",	 "accesskey",	  "accesskeyid", "secretkey",	"privatekey", "authkey",
	"sessionkey",	 "encryptionkey", "signingkey",	 "masterkey",	"accountkey", "licensekey",
	"servicekey",	 "sharedkey",	  "token",	 "password",	"passwd",     "passphrase",
	"passcode",	 "secret",	  "credential",	 "credentials", "bearer",     "cookie",
	"authorization", "pwd",
};

static const char *const secret_words[] = { "auth", "pat", "jwt", "pass" };

/* Where the endings would catch something harmless. */
static const char *const harmless_names[] = { "pwd", "oldpwd" };

static bool is_secret_name(const char *name, size_t len)
{
	char plain[SECRET_NAME_MAX + 1];
	size_t n = 0;

	while (len && *name == '-') {
		name++;
		len--;
	}
	if (len >= 3 && !strncasecmp(name, "no-", 3))
		return false;
	if (len > SECRET_NAME_MAX) {
		name += len - SECRET_NAME_MAX;
		len = SECRET_NAME_MAX;
	}
	for (size_t i = 0; i < len; i++)
		if (isalnum((unsigned char)name[i]))
			plain[n++] = (char)tolower((unsigned char)name[i]);
	plain[n] = '\0';

	for (size_t i = 0; i < ARRAY_SIZE(harmless_names); i++)
		if (!strcmp(plain, harmless_names[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(secret_words); i++)
		if (!strcmp(plain, secret_words[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(secret_endings); i++) {
		size_t ending = strlen(secret_endings[i]);

		if (n >= ending && !strcmp(plain + n - ending, secret_endings[i]))
			return true;
	}
	return false;
}

/* ---- text */

/* min: how long the rest must be for a prefix to be believed; a cut end always is. */
static const struct {
	const char *prefix;
	size_t min;
} key_prefixes[] = {
	{ "sk-", 8 },	   { "sk_live_", 6 },	 { "sk_test_", 6 }, { "rk_live_", 6 },
	{ "pk_live_", 6 }, { "ghp_", 6 },	 { "gho_", 6 },	    { "ghu_", 6 },
	{ "ghs_", 6 },	   { "ghr_", 6 },	 { "glpat-", 6 },   { "AKIA", 12 },
	{ "ASIA", 12 },	   { "github_pat_", 6 }, { "xoxb-", 6 },    { "xoxp-", 6 },
	{ "xoxa-", 6 },	   { "xoxs-", 6 },	 { "xoxr-", 6 },    { "xoxe-", 6 },
	{ "xapp-", 6 },	   { "AIza", 16 },	 { "ya29.", 6 },    { "eyJ", 16 },
	{ "npm_", 16 },	   { "pypi-", 16 },	 { "hf_", 12 },	    { "gsk_", 12 },
	{ "xai-", 12 },	   { "SG.", 16 },	 { "dop_v1_", 6 },  { "shpat_", 6 },
	{ "sq0atp-", 6 },  { "r8_", 16 },	 { "fw_", 16 },	    { "AGE-SECRET-KEY-", 6 },
	{ "whsec_", 6 },   { "ATATT", 12 },	 { "hvs.", 12 },
};

struct text {
	const char *s;
	size_t len;
	bool cut; /* ends where the string was cut off */
};

static size_t span(const struct text *t, size_t at, bool (*is)(char c))
{
	size_t n = 0;

	while (at + n < t->len && is(t->s[at + n]))
		n++;
	return n;
}

static bool is_token_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_-.+/=~", c));
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_authority_char(char c)
{
	return !isspace((unsigned char)c) && c && !strchr("/?#'\"`<>", c);
}

static bool is_url_char(char c)
{
	return !isspace((unsigned char)c) && c && !strchr("'\"`<>", c);
}

static bool is_value_char(char c)
{
	return !isspace((unsigned char)c) && c && !strchr("'\"`&;|", c);
}

static bool is_header_char(char c)
{
	return c != '\n' && c != '\r' && c != '"' && c != '\'';
}

static bool starts(const struct text *t, size_t at, const char *prefix)
{
	size_t n = strlen(prefix);

	return t->len - at >= n && !memcmp(t->s + at, prefix, n);
}

static bool starts_any_case(const struct text *t, size_t at, const char *prefix)
{
	size_t n = strlen(prefix);

	return t->len - at >= n && !strncasecmp(t->s + at, prefix, n);
}

/* Each scrubber looks at t->s[at]; it returns how many bytes it has dealt with, 0 if it is not concerned. */

static size_t scrub_pem(const struct text *t, size_t at, struct tt_buf *out)
{
	static const char end[] = "-----END", dashes[] = "-----";
	const char *p;

	if (!starts(t, at, "-----BEGIN"))
		return 0;
	tt_buf_str(out, REDACTED);
	p = memmem(t->s + at, t->len - at, end, strlen(end));
	if (p) {
		p += strlen(end);
		p = memmem(p, t->len - (size_t)(p - t->s), dashes, strlen(dashes));
	}
	return p ? (size_t)(p - t->s) + strlen(dashes) - at : t->len - at;
}

static size_t scrub_key(const struct text *t, size_t at, struct tt_buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(key_prefixes); i++) {
		size_t prefix = strlen(key_prefixes[i].prefix), n;

		if (!starts(t, at, key_prefixes[i].prefix))
			continue;
		n = span(t, at + prefix, is_token_char);
		if (n < key_prefixes[i].min && !(t->cut && at + prefix + n == t->len))
			continue;
		tt_buf_str(out, REDACTED);
		return prefix + n;
	}
	return 0;
}

/* "host:8080" or "[::1]:80", not "user:password". */
static bool ends_in_port(const char *authority, size_t len)
{
	const char *bracket = memrchr(authority, ']', len);
	size_t from = bracket ? (size_t)(bracket - authority) : 0;
	const char *colon = memchr(authority + from, ':', len - from);
	size_t n = colon ? (size_t)(colon - authority) + 1 : len;

	while (n < len && isdigit((unsigned char)authority[n]))
		n++;
	return n == len;
}

static size_t scrub_userinfo(const struct text *t, size_t at, struct tt_buf *out)
{
	const char *authority = t->s + at + 3, *sign;
	size_t n, all;

	if (!starts(t, at, "://"))
		return 0;
	n = span(t, at + 3, is_authority_char);
	sign = memrchr(authority, '@', n);
	if (!sign && !ends_in_port(authority, n)) {
		/* The password itself may hold a slash, or its end be cut off. */
		all = span(t, at + 3, is_url_char);
		sign = memrchr(authority, '@', all);
		if (!sign && t->cut && at + 3 + all == t->len) {
			tt_buf_str(out, "://" REDACTED);
			return 3 + all;
		}
	}
	if (!sign)
		return 0;
	tt_buf_str(out, "://" REDACTED "@");
	return 3 + (size_t)(sign - authority) + 1;
}

static size_t scrub_scheme(const struct text *t, size_t at, struct tt_buf *out)
{
	static const char *const schemes[] = { "Bearer ", "Basic " };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t n = strlen(schemes[i]), token;

		if (!starts_any_case(t, at, schemes[i]))
			continue;
		token = span(t, at + n, is_token_char);
		if (token < 8 && !(t->cut && token && at + n + token == t->len))
			continue;
		tt_buf_add(out, t->s + at, n);
		tt_buf_str(out, REDACTED);
		return n + token;
	}
	return 0;
}

/* "$TOKEN" and "${TOKEN}" name a secret without telling it. */
static bool is_reference(const char *value, size_t len)
{
	if (len < 2 || value[0] != '$')
		return false;
	for (size_t i = 1; i < len; i++)
		if (!isalnum((unsigned char)value[i]) && !strchr("_{}", value[i]))
			return false;
	return true;
}

/* A value that starts at `at`: how long it is with its quotes, and whether it is quoted. */
static size_t value_length(const struct text *t, size_t at, bool header)
{
	size_t n;
	char quote;

	if (at >= t->len)
		return 0;
	quote = t->s[at];
	if (quote != '"' && quote != '\'')
		return span(t, at, header ? is_header_char : is_value_char);
	for (n = 1; at + n < t->len && t->s[at + n] != quote; n++)
		if (t->s[at + n] == '\\' && quote == '"' && at + n + 1 < t->len)
			n++;
	return at + n < t->len ? n + 1 : t->len - at;
}

/* NAME=value, "name": "value", Name: value, --name value. */
static size_t scrub_named(const struct text *t, size_t at, struct tt_buf *out)
{
	size_t name = span(t, at, is_name_char), i = at + name, n;
	bool option = starts(t, at, "--"), header = false;

	if (!name || !is_secret_name(t->s + at, name))
		return 0;
	if (i < t->len && t->s[i] == '\\')
		i++;
	if (i < t->len && (t->s[i] == '"' || t->s[i] == '\''))
		i++;
	n = span(t, i, is_blank);
	if (i + n < t->len && t->s[i + n] == ':' && !(i + n + 1 < t->len && t->s[i + n + 1] == ':')) {
		header = i == at + name;
		i += n + 1;
		i += span(t, i, is_blank);
	} else if (i < t->len && t->s[i] == '=') {
		i++;
	} else if (option && n && i == at + name) {
		i += n;
	} else {
		return 0;
	}
	if (i < t->len && t->s[i] == '\\')
		i++;

	n = value_length(t, i, header);
	if (!n || is_reference(t->s + i, n) || (n > 2 && t->s[i] == '"' && is_reference(t->s + i + 1, n - 2)))
		return 0;
	tt_buf_add(out, t->s + at, i - at);
	tt_buf_str(out, REDACTED);
	return i + n - at;
}

static void scrub(const struct text *t, struct tt_buf *out)
{
	static size_t (*const scrubbers[])(const struct text *, size_t, struct tt_buf *) = {
		scrub_pem,
		scrub_key,
		scrub_scheme,
		scrub_named,
	};
	size_t at = 0;

	while (at < t->len) {
		bool boundary = at == 0 || !isalnum((unsigned char)t->s[at - 1]);
		size_t n = scrub_userinfo(t, at, out);

		/* Names start at their first character, or "--" would be looked at once more behind it. */
		for (size_t i = 0; boundary && !n && i < ARRAY_SIZE(scrubbers); i++)
			n = scrubbers[i](t, at, out);
		if (!n)
			tt_buf_char(out, t->s[at++]);
		at += n;
	}
}

/* ---- prompts */

static size_t count_characters(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

static void add_prompt(struct tt_buf *out, const char *s, size_t len, bool cut)
{
	tt_buf_printf(out, "<prompt: %s%zu characters>", cut ? "at least " : "", count_characters(s, len));
}

static bool strv_has(const struct tt_strv *strv, const char *text)
{
	for (size_t i = 0; i < strv->n; i++)
		if (!strcmp(strv->v[i], text))
			return true;
	return false;
}

/* "claude", "/usr/bin/claude", "gemini.js", "@google/gemini-cli@latest", "aider". */
static bool word_names_agent(const struct tt_config_agent *agent, const char *word, size_t len, bool common)
{
	static const char *const endings[] = { ".js", ".mjs", ".cjs", ".exe" };
	const char *slash = memrchr(word, '/', len);
	const char *base = slash ? slash + 1 : word;
	size_t n = len - (size_t)(base - word);
	const char *at;

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t ending = strlen(endings[i]);

		if (n > ending && !memcmp(base + n - ending, endings[i], ending)) {
			n -= ending;
			break;
		}
	}
	for (size_t i = 0; i < agent->binaries.n; i++) {
		size_t want = strcspn(agent->binaries.v[i], "?");

		if (want == n && !memcmp(agent->binaries.v[i], base, n) &&
		    (common || !agent->binaries.v[i][want]))
			return true;
	}
	for (size_t i = 0; i < agent->python.n; i++)
		if (strlen(agent->python.v[i]) == n && !memcmp(agent->python.v[i], base, n))
			return true;
	at = len > 1 ? memchr(word + 1, '@', len - 1) : NULL;
	if (at)
		len = (size_t)(at - word);
	for (size_t i = 0; i < agent->packages.n; i++)
		if (strlen(agent->packages.v[i]) == len && !memcmp(agent->packages.v[i], word, len))
			return true;
	return false;
}

/* What runs the command that follows in its arguments. */
static const char *const launchers[] = { "npx",	  "npx-cli.js", "npm",	    "npm-cli.js", "pnpm",   "pnpx",
					 "yarn",  "bun",	"bunx",	    "uv",	  "uvx",    "pipx",
					 "env",	  "exec",	"command",  "timeout",	  "nice",   "ionice",
					 "nohup", "sudo",	"doas",	    "setsid",	  "stdbuf", "xargs",
					 "time",  "chrt",	"taskset",  "strace",	  "script", "unshare",
					 "bwrap", "firejail",	"telltale", "run",	  NULL };

static const char *const shells[] = { "sh",   "bash", "dash", "zsh",	 "ksh",
				      "mksh", "ash",  "fish", "busybox", NULL };

struct redactor {
	const struct tt_config_agent *agent, *others;
	size_t n;
	const char *const *argv;
	size_t argc;
	bool truncated;
	const struct tt_config_agent *active; /* whose prompt options hold from `from` on */
	size_t from;
	struct tt_buf text; /* the argument at hand */
	struct tt_buf json;
};

static const char *command_name(const char *word)
{
	const char *base = tt_basename(word);

	return *base == '-' ? base + 1 : base; /* a login shell */
}

static const struct tt_config_agent *agent_of_word(const struct redactor *r, const char *word, size_t len)
{
	if (r->agent && word_names_agent(r->agent, word, len, true))
		return r->agent;
	for (size_t i = 0; i < r->n; i++)
		if (word_names_agent(&r->others[i], word, len, false))
			return &r->others[i];
	return NULL;
}

/* From which argument on whose prompt options hold. */
static void find_active(struct redactor *r)
{
	const char *kind = r->argc ? tt_script_kind(command_name(r->argv[0])) : NULL;
	struct tt_script script = kind ? tt_script_find(kind, r->argv) : (struct tt_script){ 0 };
	bool launched = r->argc && is_one_of(command_name(r->argv[0]), launchers);

	launched |= script.text && is_one_of(command_name(script.text), launchers);
	for (size_t i = 0; i < r->argc && !r->active; i++) {
		const struct tt_config_agent *agent = agent_of_word(r, r->argv[i], strlen(r->argv[i]));

		if (agent && (i == 0 || i == script.index || launched)) {
			r->active = agent;
			r->from = i + 1;
		}
	}
	if (!r->active && r->agent) {
		r->active = r->agent;
		r->from = script.index + 1;
	}
}

/* Options of many agents whose value is no prompt, where words without an option are one. */
static const char *const value_options[] = { "-m",
					     "--model",
					     "--output-format",
					     "--input-format",
					     "--permission-mode",
					     "-r",
					     "--resume",
					     "--session",
					     "--session-id",
					     "-C",
					     "--cd",
					     "--cwd",
					     "--dir",
					     "--add-dir",
					     "--mcp-config",
					     "--settings",
					     "--allowedTools",
					     "--allowed-tools",
					     "--disallowedTools",
					     "--disallowed-tools",
					     "--max-turns",
					     "--sandbox",
					     "-s",
					     "--profile",
					     "-c",
					     "--config",
					     "--agent",
					     "--format",
					     "--approval-mode",
					     "--log-level",
					     "--provider",
					     "--port",
					     "--hostname",
					     "--include-directories",
					     "--fallback-model",
					     "--ask-for-approval",
					     "-a",
					     "--image",
					     "-i",
					     "--output-last-message",
					     "-o",
					     "--workspace",
					     "--variant",
					     "--effort",
					     NULL };

/* Subcommands: kept. Those of the second list take words that are no prompt. */
static const char *const prompt_commands[] = { "exec", "run",	"chat",	    "resume", "review", "e",
					       "task", "start", "continue", "agent",  "ask",	NULL };
static const char *const other_commands[] = {
	"mcp",	     "config",	    "auth",    "login",	     "logout",	  "update", "upgrade", "install",
	"doctor",    "plugin",	    "plugins", "extensions", "serve",	  "acp",    "models",  "stats",
	"session",   "sessions",    "help",    "completion", "apply",	  "export", "import",  "version",
	"uninstall", "setup-token", "web",     "info",	     "configure", NULL
};

enum next { NEXT_ANY, NEXT_SECRET, NEXT_PROMPT, NEXT_VALUE, NEXT_HEADER };

struct state {
	enum next next;
	bool words_are_prompts; /* the agent's prompt_args have "*" */
	bool after_options; /* behind "--" */
	bool first_word; /* no word yet: it may be a subcommand */
};

static void keep(struct redactor *r, const char *s, bool cut)
{
	struct text t = { s, strlen(s), cut };

	scrub(&t, &r->text);
}

/* Options of particular tools: value in the next argument, or attached to a short option. */
static const struct {
	const char *command, *option;
	enum next next; /* when it stands alone: mysql's -p asks */
	bool attached;
} tool_options[] = {
	{ "curl", "-u", NEXT_SECRET, true },	       { "curl", "--user", NEXT_SECRET, false },
	{ "curl", "-U", NEXT_SECRET, true },	       { "curl", "--proxy-user", NEXT_SECRET, false },
	{ "curl", "-b", NEXT_SECRET, true },	       { "curl", "-H", NEXT_HEADER, false },
	{ "curl", "--header", NEXT_HEADER, false },    { "wget", "--header", NEXT_HEADER, false },
	{ "sshpass", "-p", NEXT_SECRET, true },	       { "mysql", "-p", NEXT_ANY, true },
	{ "mysqldump", "-p", NEXT_ANY, true },	       { "mariadb", "-p", NEXT_ANY, true },
	{ "redis-cli", "-a", NEXT_SECRET, false },     { "openssl", "-passin", NEXT_SECRET, false },
	{ "openssl", "-passout", NEXT_SECRET, false }, { "openssl", "-pass", NEXT_SECRET, false },
	{ "ldapsearch", "-w", NEXT_SECRET, true },     { "smbclient", "-U", NEXT_SECRET, false },
};

static bool tool_option(struct redactor *r, const char *arg, bool cut, enum next *ret_next)
{
	for (size_t i = 0; i < ARRAY_SIZE(tool_options); i++) {
		const char *option = tool_options[i].option;
		size_t n = strlen(option);

		if (strcmp(command_name(r->argv[0]), tool_options[i].command) != 0 ||
		    strncmp(arg, option, n) != 0)
			continue;
		if (!arg[n]) {
			keep(r, arg, cut);
			*ret_next = tool_options[i].next;
			return true;
		}
		if (tool_options[i].next == NEXT_HEADER || (arg[n] != '=' && !tool_options[i].attached))
			continue;
		tt_buf_add(&r->text, arg, n + (arg[n] == '='));
		tt_buf_str(&r->text, REDACTED);
		return true;
	}
	return false;
}

/* -p"the prompt": letters joined to a short prompt option are other flags only when they are few. */
static bool attached_prompt(const struct redactor *r, const char *arg, size_t *ret_option)
{
	for (size_t i = 0; i < r->active->prompt_args.n; i++) {
		const char *option = r->active->prompt_args.v[i];
		const char *rest = arg + strlen(option);

		if (strncmp(arg, option, strlen(option)) != 0 || !*rest)
			continue;
		if (*rest == '=' ||
		    (strlen(option) == 2 && option[1] != '-' &&
		     (strlen(rest) > 4 || strspn(rest, "abcdefghijklmnopqrstuvwxyz") < strlen(rest)))) {
			*ret_option = strlen(option) + (*rest == '=');
			return true;
		}
	}
	return false;
}

static void add_option(struct redactor *r, struct state *s, const char *arg, bool active, bool cut)
{
	const char *equals = strchr(arg, '=');
	size_t name = equals ? (size_t)(equals - arg) : strlen(arg), n;

	if (active && strv_has(&r->active->prompt_args, arg)) {
		keep(r, arg, cut);
		s->next = NEXT_PROMPT;
	} else if (active && attached_prompt(r, arg, &n)) {
		tt_buf_add(&r->text, arg, n);
		add_prompt(&r->text, arg + n, strlen(arg + n), cut);
	} else if (tool_option(r, arg, cut, &s->next)) {
		return;
	} else if (is_secret_name(arg, name) && (arg[1] == '-' || name > 3)) {
		if (equals && equals[1] && !is_reference(equals + 1, strlen(equals + 1))) {
			tt_buf_add(&r->text, arg, name + 1);
			tt_buf_str(&r->text, REDACTED);
			return;
		}
		keep(r, arg, cut);
		s->next = equals ? NEXT_ANY : NEXT_SECRET;
	} else {
		keep(r, arg, cut);
		if (active && !equals && is_one_of(arg, value_options))
			s->next = NEXT_VALUE;
	}
}

/* A word that stands where a prompt would. */
static void add_word(struct redactor *r, struct state *s, const char *arg, bool cut)
{
	bool first = s->first_word && !s->after_options;

	s->first_word = false;
	if (first && is_one_of(arg, other_commands))
		s->words_are_prompts = false;
	else if (!first || !is_one_of(arg, prompt_commands)) {
		add_prompt(&r->text, arg, strlen(arg), cut);
		return;
	}
	keep(r, arg, cut);
}

static bool is_separator(char c)
{
	return c && strchr(";|&()`{}\n", c) != NULL;
}

/* One word of a shell's command string, quotes included. */
static size_t shell_word(const char *s)
{
	char quote = '\0';
	size_t n;

	for (n = 0; s[n]; n++) {
		if (quote) {
			quote = s[n] == quote ? '\0' : quote;
		} else if (s[n] == '"' || s[n] == '\'') {
			quote = s[n];
		} else if (s[n] == '\\' && s[n + 1]) {
			n++;
		} else if (isspace((unsigned char)s[n]) || is_separator(s[n])) {
			break;
		}
	}
	return n;
}

static size_t unquoted(const char **word, size_t len)
{
	if (len >= 2 && ((*word)[0] == '"' || (*word)[0] == '\'') && (*word)[len - 1] == (*word)[0]) {
		(*word)++;
		len -= 2;
	}
	return len;
}

/* Does what follows an agent's name in a command string hold a prompt? */
static bool has_prompt(const struct tt_config_agent *agent, const char *s)
{
	while (*s) {
		size_t n = shell_word(s);

		for (size_t i = 0; n && i < agent->prompt_args.n; i++) {
			const char *option = agent->prompt_args.v[i];

			if (!strcmp(option, "*") ? *s != '-' : !strncmp(s, option, strlen(option)))
				return true;
		}
		s += n ? n : 1;
	}
	return false;
}

/* Where in a shell's command string an agent's arguments begin; NULL: no agent is run with a prompt. */
static const char *shell_prompt(const struct redactor *r, const char *s)
{
	bool command = true;

	while (*s) {
		size_t len = shell_word(s), n;
		const char *word = s;
		const struct tt_config_agent *agent;

		if (!len) {
			command |= is_separator(*s++);
			continue;
		}
		s += len;
		n = unquoted(&word, len);
		if (!command)
			continue;
		agent = agent_of_word(r, word, n);
		if (agent && has_prompt(agent, s))
			return s;
		/* Words behind a launcher may all be the command; those before it are assignments. */
		command = memchr(word, '=', n) != NULL;
		for (const char *const *l = launchers; *l && !command; l++)
			command = strlen(*l) == n && !memcmp(*l, word, n);
		if (command && !memchr(word, '=', n)) {
			for (const char *p = s; *p && !is_separator(*p); p += len ? len : 1) {
				len = shell_word(p);
				word = p;
				n = unquoted(&word, len);
				agent = n ? agent_of_word(r, word, n) : NULL;
				if (agent && has_prompt(agent, p + len))
					return p + len;
			}
		}
	}
	return NULL;
}

static void add_shell_argument(struct redactor *r, const char *arg, bool cut)
{
	const char *prompt = shell_prompt(r, arg);

	if (!prompt) {
		keep(r, arg, cut);
		return;
	}
	scrub(&(struct text){ arg, (size_t)(prompt - arg), false }, &r->text);
	tt_buf_char(&r->text, ' ');
	prompt += strspn(prompt, " \t");
	add_prompt(&r->text, prompt, strlen(prompt), cut);
}

/* A value that the option before it announced. False: it is no value but the next option. */
static bool add_announced(struct redactor *r, struct state *s, const char *arg, bool cut)
{
	enum next next = s->next;
	bool is_option = arg[0] == '-' && arg[1] && !strpbrk(arg, " \t\n");

	s->next = NEXT_ANY;
	if (next == NEXT_ANY || (is_option && (next != NEXT_SECRET || arg[1] == '-')))
		return false;
	if (next == NEXT_PROMPT) {
		add_prompt(&r->text, arg, strlen(arg), cut);
	} else if (next == NEXT_SECRET) {
		if (is_reference(arg, strlen(arg)))
			tt_buf_str(&r->text, arg);
		else
			tt_buf_str(&r->text, REDACTED);
	} else {
		keep(r, arg, cut);
	}
	return true;
}

static void add_argument(struct redactor *r, struct state *s, size_t i)
{
	const char *arg = r->argv[i];
	bool active = r->active && i >= r->from, cut = r->truncated && i + 1 == r->argc;

	if (active && i == r->from)
		*s = (struct state){ .next = s->next,
				     .words_are_prompts = strv_has(&r->active->prompt_args, "*"),
				     .first_word = true };
	if (i == 0)
		keep(r, arg, cut);
	else if (add_announced(r, s, arg, cut))
		return;
	else if (!s->after_options && !strcmp(arg, "--")) {
		tt_buf_str(&r->text, arg);
		s->after_options = true;
	} else if (!s->after_options && arg[0] == '-' && arg[1] &&
		   !(active && s->words_are_prompts && strpbrk(arg, " \n") && !strchr(arg, '=')))
		add_option(r, s, arg, active, cut);
	else if (active && s->words_are_prompts)
		add_word(r, s, arg, cut);
	else if (is_one_of(command_name(r->argv[0]), shells))
		add_shell_argument(r, arg, cut);
	else
		keep(r, arg, cut);
}

char *tt_redact(const struct tt_config_agent *agent, const struct tt_config_agent *others, size_t n,
		const char *const *argv, bool truncated)
{
	struct redactor r = {
		.agent = agent, .others = others, .n = n, .argv = argv, .truncated = truncated
	};
	struct state state = { 0 };
	bool ok;

	while (argv && argv[r.argc])
		r.argc++;
	find_active(&r);

	tt_buf_char(&r.json, '[');
	for (size_t i = 0; i < r.argc; i++) {
		tt_buf_reset(&r.text);
		add_argument(&r, &state, i);
		if (i)
			tt_buf_char(&r.json, ',');
		tt_buf_jsonn(&r.json, r.text.text ? r.text.text : "", r.text.len);
		if (!tt_buf_ok(&r.text))
			break;
	}
	if (truncated)
		tt_buf_str(&r.json, r.argc ? ",\"<truncated>\"" : "\"<truncated>\"");
	tt_buf_char(&r.json, ']');
	ok = tt_buf_ok(&r.text);
	tt_buf_done(&r.text);
	if (!ok) {
		tt_buf_done(&r.json);
		return NULL;
	}
	return tt_buf_take(&r.json);
}

char *tt_redact_argv(const struct tt_config_agent *agent, const char *const *argv, bool truncated)
{
	return tt_redact(agent, NULL, 0, argv, truncated);
}
