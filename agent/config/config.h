/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: YAML files -> plain structs. The only user of libyaml.
 *
 * Every loader reports the first error as one line "FILE:LINE: what is wrong, what is expected" in
 * *ret_message (malloc'd). Unknown keys are errors: a typo must not switch a protection off silently. */
#ifndef TT_CONFIG_CONFIG_H
#define TT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- telltale.yaml */
enum tt_env_libc { TT_ENV_LIBC_SESSIONS, TT_ENV_LIBC_ALWAYS, TT_ENV_LIBC_OFF };
enum tt_names_libc { TT_NAMES_LIBC_WITH_ENV, TT_NAMES_LIBC_OFF };
enum tt_task_storage { TT_TASK_STORAGE_AUTO, TT_TASK_STORAGE_OFF };

struct tt_strv {
	char **v;
	size_t n;
};

struct tt_config {
	char *file; /* that it was read from; NULL: nothing but defaults */
	char *database; /* path */
	char *control_socket;
	char *agents_dir, *categories_dir, *risk_file;
	char *sensor; /* auto trampoline rawtp */
	enum tt_env_libc env_libc;
	enum tt_names_libc names_libc;
	enum tt_task_storage task_storage;
	struct tt_strv leave_out; /* hooks */
	uint32_t ring_lifecycle_bytes, ring_activity_bytes; /* powers of two */
	uint32_t agg_entries, slot_entries, sock_entries, task_entries, candidate_min_bytes_mb /* MiB */;
	uint32_t poll_ms; /* how often the rings are read while something is tracked */
	int64_t retention_age_ns;
	int64_t retention_bytes;
};

/* path NULL: telltale.yaml in tt_config_default_dir() if it is there, else defaults. Directories not named in the file default to the installed ones, or to
 * `config/` beside the build tree's binary (see tt_config_default_dir). */
int tt_config_load(const char *path, struct tt_config **ret, char **ret_message);
void tt_config_free(struct tt_config *config);
/* Where agents.d, categories.d, risk.yaml live: $TELLTALE_CONFIG_DIR, else ../config beside the running
 * binary when that is a build tree, else SYSCONFDIR/telltale when it has agents.d, else DATADIR/telltale. malloc'd. */
char *tt_config_default_dir(void);

/* Directories: every visible *.yaml in the order of file names. Files, and directories, that anybody
 * may write are refused (-EPERM); see yaml.h for the other limits. In place of a directory a single
 * file may be given.
 *
 * ---- agents.d/<any>.yaml: one or more documents, each one agent or a list of runtimes. A later file
 * replaces an agent or runtime of the same id or name as a whole. */
struct tt_config_agent {
	char *id, *name, *vendor;
	/* names of native executables or launchers: `claude`. A common word ends in '?' (`goose?`): it needs
	 * a second sign (package, path, build id or marker) */
	struct tt_strv binaries;
	struct tt_strv packages; /* npm package names; '*' matches within one */
	struct tt_strv python; /* modules or console scripts: aider */
	struct tt_strv
		paths; /* globs over the executable's or script's path; "~/" any home, ** crosses '/' */
	struct tt_strv env; /* variables it reads as its proxy, key and so on: more than the general list */
	struct tt_strv base_urls; /* variables that name the service to use in place of its vendor's */
	/* its vendor's service: hosts, as tt_config_is_host() takes them; vendors of categories.d; "*": any of these */
	struct tt_strv api_hosts;
	struct tt_strv extensions; /* VS Code extension directory names, globs: saoudrizwan.claude-dev-* */
	struct tt_strv build_ids; /* "BUILDID" or "BUILDID:SIZE" of known native builds */
	struct tt_strv
		prompt_args; /* options whose argument is a prompt: -p --prompt; "*" positional words too */
	struct tt_strv markers; /* byte strings inside a native executable, for renamed copies (rare) */
	struct tt_strv version_paths; /* globs with one {version}: ~/.local/share/claude/versions/{version} */
	struct tt_strv
		version_files; /* files relative to the executable's directory: ../package.json, product.json */
	bool editor; /* an editor: only its extension host and terminals matter (Cursor, Windsurf, Trae) */
	char *file; /* where it was defined */
};

struct tt_config_runtime { /* interpreters that host agents */
	char *name; /* node bun deno python3 ... ; trailing * matches versions: python3* */
	char *kind; /* node bun deno python java electron */
	struct tt_strv env_symbols; /* uprobe targets in the file itself: uv_os_getenv */
	bool env_direct; /* reads its environment block without calling anything */
};

struct tt_config_agents {
	struct tt_config_agent *agents;
	size_t n_agents;
	struct tt_config_runtime *runtimes;
	size_t n_runtimes;
};
int tt_config_load_agents(const char *dir, struct tt_config_agents **ret, char **ret_message);
void tt_config_agents_free(struct tt_config_agents *agents);

/* ---- categories.d/<any>.yaml: a document each; the same id, of the same vendor, in a later file adds to the category */
struct tt_config_category {
	char *id, *description;
	char *vendor; /* whose hosts these are, an id; NULL: no matter */
	int rank; /* 1 most sensitive */
	bool place; /* its networks say where an address is, not whose: a name says more */
	char keeps; /* of an environment value: 'v', 'h' or 0 */
	char looks; /* whether a look at one of its paths has a row: 'y', 'n', 0 for yes */
	struct tt_strv routine; /* paths of it that are looked at as a matter of course: no rows */
	struct tt_strv paths; /* exact, prefix ("/etc/ssl/"), or glob; ~/ any home; ** crosses '/' */
	struct tt_strv names; /* last components or globs over them: id_rsa, *.pem */
	struct tt_strv env; /* names or globs: *_BASE_URL */
	struct tt_strv hosts; /* tt_config_is_host() */
	struct tt_strv networks; /* CIDR, optionally ":port": tt_config_parse_network() */
	struct tt_strv unix_paths; /* globs */
};
struct tt_config_network {
	int family; /* AF_INET, AF_INET6 */
	uint8_t addr[16]; /* network order; IPv4 in the first 4 bytes */
	unsigned bits;
	uint16_t port; /* 0: any */
};
/* "10.0.0.0/8", "::/0:53"; -EINVAL: not such a thing. ret may be NULL. */
int tt_config_parse_network(const char *text, struct tt_config_network *ret);

/* A host's name, without a dot at its end: RFC 1035, section 2.3.4. */
#define TT_CONFIG_HOST_MAX 253

/* A name; ".example.org": the domain and all below; or a pattern, in which '*' stands for any bytes within a label. */
bool tt_config_is_host(const char *text);

struct tt_config_categories {
	struct tt_config_category *v;
	size_t n;
};
int tt_config_load_categories(const char *dir, struct tt_config_categories **ret, char **ret_message);
void tt_config_categories_free(struct tt_config_categories *categories);

/* ---- risk.yaml */
struct tt_config_risk_weight {
	char *rule; /* id of the reason: credential-read */
	char *kind; /* file env connection timezone */
	char *category; /* "*": any; "none": what has no category */
	struct tt_strv op; /* empty: any */
	char *text; /* what a person reads */
	bool failed; /* counts failed look-ups (default: successful ones) */
	bool by_op; /* counts distinct ops (ways), not distinct rows */
	double points; /* for the first distinct row */
	double decay; /* each further distinct row adds points * decay^n */
	double cap; /* most that this rule adds */
};
struct tt_config_risk {
	struct tt_config_risk_weight *v;
	size_t n;
	double level_low, level_medium, level_high, level_critical;
};
int tt_config_load_risk(const char *path, struct tt_config_risk **ret, char **ret_message);
void tt_config_risk_free(struct tt_config_risk *risk);

#endif
