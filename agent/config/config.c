/* SPDX-License-Identifier: Apache-2.0 */
/* telltale.yaml -> struct tt_config, telltale.yaml(5), and where the other files are found. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "yaml.h"

#ifndef TT_SYSCONFDIR
#define TT_SYSCONFDIR "/etc"
#endif
#ifndef TT_DATADIR
#define TT_DATADIR "/usr/local/share"
#endif

#define DAY_NS (86400LL * 1000000000)

/* ---- where things are */

static bool is_dir(const char *base, const char *below)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s%s", base, below) < 0) {
		path = NULL;
		return false;
	}
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ROOT/config when the running binary is ROOT/build/telltale of a source tree, else NULL. */
static char *build_tree_dir(void)
{
	char root[PATH_MAX], *path;
	ssize_t n = readlink("/proc/self/exe", root, sizeof(root) - 1);

	if (n <= 0)
		return NULL;
	root[n] = '\0';
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(root, '/');

		if (!slash)
			return NULL;
		*slash = '\0';
	}
	if (!is_dir(root, "/config/agents.d") || !is_dir(root, "/agent/config"))
		return NULL;
	return asprintf(&path, "%s/config", root) < 0 ? NULL : path;
}

char *tt_config_default_dir(void)
{
	const char *named = secure_getenv("TELLTALE_CONFIG_DIR");
	char *tree;

	if (named && named[0])
		return strdup(named);
	tree = build_tree_dir();
	if (tree)
		return tree;
	if (is_dir(TT_SYSCONFDIR, "/telltale/agents.d"))
		return strdup(TT_SYSCONFDIR "/telltale");
	return strdup(TT_DATADIR "/telltale");
}

/* ---- telltale.yaml */

static const char *const backend_words[] = { "auto", "trampoline", "rawtp", NULL };
/* In the order of enum tt_env_libc. */
static const char *const libc_words[] = { "sessions", "always", "off", NULL };
/* In the order of enum tt_names_libc. */
static const char *const names_words[] = { "with-env", "off", NULL };
/* In the order of enum tt_task_storage. */
static const char *const storage_words[] = { "auto", "off", NULL };

#define KEY(key, type, member, ...) TT_YAML_FIELD(key, type, struct tt_config, member, __VA_ARGS__)
/* One section of the file: its keys, and the schema that MAP needs. */
#define SECTION(name, ...)                                                                                   \
	static const struct tt_yaml_field name##_fields[] = { __VA_ARGS__ };                                 \
	static const struct tt_yaml_schema name##_schema = {                                                 \
		.what = "section '" #name "'",                                                               \
		.fields = name##_fields,                                                                     \
		.n_fields = ARRAY_SIZE(name##_fields),                                                       \
	}
#define MAP(name)                                                                                            \
	{                                                                                                    \
		.key = #name, .type = TT_YAML_MAP, .sub = &name##_schema                                     \
	}

/* Largest ring: BPF ring buffers end at 2 GiB with two pages to spare, and nobody wants that locked. */
#define RING_MAX    (1 << 30)
#define ENTRIES_MAX (1 << 24)

SECTION(store, KEY("path", PATH, database));
SECTION(control, KEY("socket", PATH, control_socket));
SECTION(agents, KEY("dir", PATH, agents_dir));
SECTION(categories, KEY("dir", PATH, categories_dir));
SECTION(risk, KEY("file", PATH, risk_file));
SECTION(rings, KEY("lifecycle", BYTES32, ring_lifecycle_bytes, .min = 4096, .max = RING_MAX),
	KEY("activity", BYTES32, ring_activity_bytes, .min = 4096, .max = RING_MAX));
SECTION(maps, KEY("aggregation", COUNT, agg_entries, .min = 1, .max = ENTRIES_MAX),
	KEY("slots", COUNT, slot_entries, .min = 1, .max = ENTRIES_MAX),
	KEY("sockets", COUNT, sock_entries, .min = 1, .max = ENTRIES_MAX),
	KEY("tasks", COUNT, task_entries, .min = 1, .max = ENTRIES_MAX));
SECTION(sensor, KEY("backend", WORD, sensor, .words = backend_words),
	KEY("poll", MS, poll_ms, .min = 1, .max = 1000), MAP(rings), MAP(maps),
	KEY("task_storage", ENUM, task_storage, .words = storage_words), KEY("leave_out", STRV, leave_out),
	KEY("candidate_min", MIB, candidate_min_bytes_mb, .max = 1 << 20));
SECTION(env, KEY("libc", ENUM, env_libc, .words = libc_words));
SECTION(names, KEY("libc", ENUM, names_libc, .words = names_words));
SECTION(retention, KEY("age", NS, retention_age_ns), KEY("size", BYTES64, retention_bytes));

static int set_defaults(void *object)
{
	struct tt_config *config = object;

	config->database = strdup("/var/lib/telltale/telltale.db");
	config->control_socket = strdup("/run/telltale/control.sock");
	config->sensor = strdup("auto");
	config->env_libc = TT_ENV_LIBC_SESSIONS;
	config->ring_lifecycle_bytes = 4 << 20;
	config->ring_activity_bytes = 16 << 20;
	config->agg_entries = 65536;
	config->slot_entries = 4096;
	config->sock_entries = 16384;
	config->task_entries = 16384;
	config->candidate_min_bytes_mb = 32;
	config->poll_ms = 10;
	config->retention_age_ns = 90 * DAY_NS;
	config->retention_bytes = 2LL << 30;
	return config->database && config->control_socket && config->sensor ? 0 : -ENOMEM;
}

static bool is_power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static int check_config(struct tt_yaml *yaml, void *object, size_t line)
{
	const struct tt_config *config = object;

	if (!is_power_of_two(config->ring_lifecycle_bytes) || !is_power_of_two(config->ring_activity_bytes))
		return tt_yaml_fail(yaml, line,
				    "sizes in 'sensor: rings:' must be powers of two: 1MiB, 2MiB, 4MiB, ...");
	return 0;
}

static const struct tt_yaml_field config_fields[] = {
	MAP(store),  MAP(control), MAP(agents), MAP(categories), MAP(risk),
	MAP(sensor), MAP(env),	   MAP(names),	MAP(retention),
};
static const struct tt_yaml_schema config_schema = {
	.what = "telltale.yaml",
	.fields = config_fields,
	.n_fields = ARRAY_SIZE(config_fields),
	.size = sizeof(struct tt_config),
	.init = set_defaults,
	.check = check_config,
};

void tt_config_free(struct tt_config *config)
{
	if (!config)
		return;
	tt_yaml_clear(&config_schema, config);
	free(config->file);
	free(config);
}

TT_DEFINE_CLEANUP(struct tt_config *, tt_config_free)

static int take_config(struct tt_yaml *yaml, void *object, size_t line, void *arg)
{
	struct tt_config **ret = arg;

	if (*ret)
		return tt_yaml_fail(yaml, line, "a second document (---): telltale.yaml has one");
	*ret = malloc(sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	**ret = *(struct tt_config *)object;
	return 0;
}

static int new_config(struct tt_config **ret)
{
	_cleanup_(tt_config_freep) struct tt_config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		return -ENOMEM;
	r = set_defaults(config);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(config);
	return 0;
}

/* Files that telltale.yaml did not name are in the default directory. */
static int fill_paths(struct tt_config *config)
{
	_cleanup_free_ char *base = tt_config_default_dir();
	const struct {
		char **slot;
		const char *name;
	} files[] = {
		{ &config->agents_dir, "agents.d" },
		{ &config->categories_dir, "categories.d" },
		{ &config->risk_file, "risk.yaml" },
	};

	if (!base)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (*files[i].slot)
			continue;
		if (asprintf(files[i].slot, "%s/%s", base, files[i].name) < 0) {
			*files[i].slot = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

int tt_config_load(const char *path, struct tt_config **ret, char **ret_message)
{
	_cleanup_(tt_config_freep) struct tt_config *config = NULL;
	_cleanup_free_ char *directory = NULL, *installed = NULL;
	int r = 0;

	if (!path) {
		directory = tt_config_default_dir();
		if (!directory || asprintf(&installed, "%s/telltale.yaml", directory) < 0)
			return -ENOMEM;
		if (access(installed, F_OK) == 0)
			path = installed;
	}
	if (path)
		r = tt_yaml_load(path, &config_schema, take_config, &config, ret_message);
	if (r == 0 && !config)
		r = new_config(&config);
	if (r == 0)
		r = fill_paths(config);
	if (r < 0)
		return r;
	if (path) {
		config->file = strdup(path);
		if (!config->file)
			return -ENOMEM;
	}
	*ret = TAKE_PTR(config);
	return 0;
}
