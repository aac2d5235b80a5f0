/* SPDX-License-Identifier: Apache-2.0 */
/* telltale doctor: can telltale work on this host, and if not, what is to be done?
 *
 * A table of checks, each with an answer (ok, warn, fail, skip), its reason and its remedy. Reads and
 * tries, changes nothing: what is loaded into the kernel for a try is gone when the answer is printed,
 * and neither the database nor its directory is written. Without the rights to try the kernel, those
 * checks are skipped and said to be. `fail` means that telltale cannot work; `warn` that it sees less,
 * or costs more, than it could. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <bpf/libbpf.h>

#include "cmd/cmd.h"
#include "config/config.h"
#include "daemon/control.h"
#include "sensor/feature.h"
#include "sensor/host.h"
#include "sensor/libcs.h"
#include "sensor/sensor.h"
#include "store/query.h"
#include "util/elf.h"
#include "util/util.h"

TT_DEFINE_CLEANUP(struct tt_query_db *, tt_query_close)

/* A day of a busy developer's agents is some 10 MB; below this it is a matter of weeks. */
#define FREE_BYTES_WANTED (256ULL << 20)

#define SUDO_HINT "Run `sudo telltale doctor` for these checks."

enum status { OK, WARN, FAIL, SKIP, STATUSES };

static const struct {
	const char *word;
	enum tt_style style;
} statuses[STATUSES] = {
	[OK] = { "ok", TT_GOOD },
	[WARN] = { "warn", TT_NOTICE },
	[FAIL] = { "fail", TT_BAD },
	[SKIP] = { "skip", TT_DIM },
};

struct result {
	enum status status;
	struct tt_buf why; /* what was found */
	struct tt_buf remedy; /* what it costs, what to do; empty when there is nothing to be done */
	char *log; /* details for --verbose, malloc'd */
};

struct doctor {
	const char *config_file, *db;
	bool verbose;
	struct tt_host host;
	struct tt_config *config; /* NULL: does not load */
	char *config_message;
	int daemon; /* what tt_control_connect() answered, closed again */
	unsigned count[STATUSES];
};

struct check {
	const char *group, *id;
	void (*run)(struct doctor *d, const struct check *check, struct result *result);
	bool needs_rights; /* to load programs into the kernel */
	int feature; /* enum tt_feature */
};

static void result_done(struct result *result)
{
	tt_buf_done(&result->why);
	tt_buf_done(&result->remedy);
	free(result->log);
}

/* ---- host */

static void check_kernel(struct doctor *d, const struct check *check, struct result *result)
{
	tt_buf_printf(&result->why, "Linux %s, %s", d->host.release, d->host.machine);
}

static void check_privileges(struct doctor *d, const struct check *check, struct result *result)
{
	if (d->host.may_load) {
		tt_buf_str(&result->why, d->host.root ? "root" : "capabilities");
		return;
	}
	result->status = WARN;
	if (d->host.root) {
		result->status = FAIL;
		tt_buf_str(&result->why, "root, but without CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN");
		tt_buf_str(&result->remedy, "In a container, add these capabilities.");
		return;
	}
	tt_buf_str(&result->why, "not root: what needs the kernel's permission was not tried");
	if (d->daemon >= 0) {
		result->status = OK;
		tt_buf_str(&result->why, "; the daemon does that half");
	} else {
		tt_buf_str(&result->remedy,
			   "`telltale run` asks the daemon or sudo for the half that watches. " SUDO_HINT);
	}
}

static void check_capabilities(struct doctor *d, const struct check *check, struct result *result)
{
	bool missing = false;

	for (int i = 0; i < TT_HOST_CAPS; i++) {
		bool stood_for = d->host.caps[TT_HOST_CAP_SYS_ADMIN] && i < TT_HOST_CAP_SYS_ADMIN;

		if (d->host.caps[i] || stood_for || i == TT_HOST_CAP_SYS_ADMIN)
			continue;
		tt_buf_printf(&result->why, "%s%s", missing ? ", " : "missing: ", tt_host_cap_name(i));
		missing = true;
	}
	if (!missing) {
		tt_buf_str(&result->why, "all that are needed");
		return;
	}
	result->status = d->host.root ? WARN : SKIP;
	tt_buf_str(&result->remedy, "CAP_BPF and CAP_PERFMON load the programs; without CAP_SYS_PTRACE and "
				    "CAP_DAC_READ_SEARCH other users' agents are recognised less well.");
}

static void check_lockdown(struct doctor *d, const struct check *check, struct result *result)
{
	if (tt_streq(d->host.lockdown, "confidentiality")) {
		result->status = FAIL;
		tt_buf_str(&result->why,
			   "confidentiality: the kernel forbids reading its memory, which is all "
			   "that telltale's programs do");
		tt_buf_str(&result->remedy,
			   "Boot with lockdown=integrity (or without lockdown=confidentiality).");
		return;
	}
	tt_buf_str(&result->why, d->host.lockdown[0]
					 ? d->host.lockdown
					 : "not built in, or /sys/kernel/security is not mounted");
}

static void add_number(struct result *result, const char *name, int32_t value)
{
	if (value == TT_HOST_UNKNOWN)
		tt_buf_printf(&result->why, "%s unknown", name);
	else
		tt_buf_printf(&result->why, "%s = %d", name, value);
}

static void check_sysctls(struct doctor *d, const struct check *check, struct result *result)
{
	add_number(result, "kernel.unprivileged_bpf_disabled", d->host.unprivileged_bpf_disabled);
	tt_buf_str(&result->why, ", ");
	add_number(result, "kernel.perf_event_paranoid", d->host.perf_event_paranoid);
	tt_buf_str(&result->why, " (any value is fine: telltale has the capabilities)");
}

static void check_jit(struct doctor *d, const struct check *check, struct result *result)
{
	if (d->host.bpf_jit_enable == 0) {
		result->status = WARN;
		tt_buf_str(&result->why, "off: each hook costs several times as much");
		tt_buf_str(&result->remedy, "sysctl net.core.bpf_jit_enable=1");
		return;
	}
	tt_buf_str(&result->why,
		   d->host.bpf_jit_enable == TT_HOST_UNKNOWN ? "unknown (only root may look)" : "on");
}

static void check_memlock(struct doctor *d, const struct check *check, struct result *result)
{
	if (d->host.memlock == UINT64_MAX)
		tt_buf_str(&result->why, "unlimited");
	else
		tt_buf_printf(
			&result->why,
			"%llu KiB; telltale raises it if it may, and kernels since 5.11 do not count it",
			(unsigned long long)(d->host.memlock >> 10));
}

static void check_pid_namespace(struct doctor *d, const struct check *check, struct result *result)
{
	if (!d->host.pid_ns_known) {
		result->status = WARN;
		tt_buf_str(&result->why, "cannot be told: /proc is not mounted or not readable");
	} else if (!d->host.pid_ns_initial) {
		result->status = FAIL;
		tt_buf_str(&result->why,
			   "not the initial one: the kernel's process ids are not those of /proc here");
		tt_buf_str(&result->remedy, "Run telltale on the host, or the container with --pid=host. "
					    "(Agents inside containers are seen from the host.)");
	} else {
		tt_buf_str(&result->why, "the initial one");
	}
}

static void check_container(struct doctor *d, const struct check *check, struct result *result)
{
	if (!d->host.container[0]) {
		tt_buf_str(&result->why, "not in one, as far as can be seen");
		return;
	}
	result->status = WARN;
	tt_buf_printf(&result->why, "signs of %s: paths may be told as a container sees them",
		      d->host.container);
	tt_buf_str(&result->remedy, "If this is a container, run telltale on the host itself.");
}

static void check_cgroup(struct doctor *d, const struct check *check, struct result *result)
{
	if (d->host.cgroup2[0]) {
		tt_buf_printf(&result->why, "version 2 at %s", d->host.cgroup2);
		return;
	}
	result->status = WARN;
	tt_buf_str(&result->why, "version 2 is not mounted: records do not name the cgroup");
	tt_buf_str(&result->remedy, "mount -t cgroup2 none /sys/fs/cgroup/unified");
}

static void check_tracefs(struct doctor *d, const struct check *check, struct result *result)
{
	tt_buf_printf(&result->why, "%s, and not needed", d->host.tracefs ? "mounted" : "not mounted");
}

/* ---- kernel features */

static enum status status_of_need(enum tt_feature_need need)
{
	static const enum status by_need[] = {
		[TT_NEED_ALWAYS] = FAIL, [TT_NEED_TRAMPOLINE] = WARN, [TT_NEED_ENV] = WARN,
		[TT_NEED_BETTER] = WARN, [TT_NEED_POLICY] = OK,
	};

	return by_need[need];
}

static void check_feature(struct doctor *d, const struct check *check, struct result *result)
{
	const struct tt_feature_answer *answer = tt_feature_get(check->feature);

	tt_buf_str(&result->why, answer->words);
	if (answer->yes)
		return;
	result->status = status_of_need(answer->need);
	tt_buf_printf(&result->why, ": no. %s", answer->why);
	tt_buf_str(&result->remedy, answer->without);
	if (answer->log)
		result->log = strdup(answer->log);
}

/* ---- sensors */

static int check_backend(const char *backend, struct result *result)
{
	_cleanup_free_ char *missing = NULL;
	int r = tt_sensor_try(backend, &missing, &result->log);

	if (r < 0) {
		tt_buf_printf(&result->why, "does not start: %s", missing);
		return r;
	}
	tt_buf_str(&result->why, "loads and attaches");
	if (missing) {
		result->status = WARN;
		tt_buf_printf(&result->why, ", without %s", missing);
	}
	return 0;
}

static void check_rawtp(struct doctor *d, const struct check *check, struct result *result)
{
	if (check_backend("rawtp", result) == 0)
		return;
	result->status = FAIL;
	tt_buf_str(&result->remedy, "The checks above may say why; --verbose shows what the kernel said.");
}

static void check_trampoline(struct doctor *d, const struct check *check, struct result *result)
{
	if (check_backend("trampoline", result) == 0)
		return;
	result->status = WARN;
	tt_buf_str(&result->remedy,
		   "The rawtp sensor is used: the same records, at a little cost on every system "
		   "call. --verbose shows what the kernel said.");
}

#define LIBRARIES_MAX 64

struct libraries {
	struct tt_buf list;
	struct stat seen[LIBRARIES_MAX]; /* the same file comes under several names */
	unsigned n;
};

static bool is_new_library(struct libraries *libraries, const struct stat *st)
{
	for (unsigned i = 0; i < libraries->n; i++)
		if (libraries->seen[i].st_dev == st->st_dev && libraries->seen[i].st_ino == st->st_ino)
			return false;
	if (libraries->n == LIBRARIES_MAX)
		return false;
	libraries->seen[libraries->n++] = *st;
	return true;
}

static int count_library(const char *path, void *arg)
{
	struct libraries *libraries = arg;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint64_t offset;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    tt_elf_symbol_offset(fd, "getenv", &offset) == 0 && is_new_library(libraries, &st))
		tt_buf_printf(&libraries->list, "%s\n", path);
	return 0;
}

static void check_libraries(struct doctor *d, const struct check *check, struct result *result)
{
	struct libraries libraries = { .n = 0 };

	tt_libcs_find("", count_library, &libraries);
	result->log = tt_buf_take(&libraries.list);
	if (d->config && d->config->env_libc == TT_ENV_LIBC_OFF) {
		result->status = WARN;
		tt_buf_str(&result->why,
			   "env.libc is off: most look-ups of environment variables are not seen");
		tt_buf_str(&result->remedy, "Set `env: libc: sessions` in the configuration.");
	} else if (!libraries.n) {
		result->status = WARN;
		tt_buf_str(&result->why,
			   "none found: look-ups of environment variables are seen late or not at all");
		tt_buf_str(&result->remedy, "Tell the project where this system keeps libc.so.6.");
	} else {
		tt_buf_printf(&result->why, "%u to probe for look-ups of environment variables", libraries.n);
	}
}

/* ---- configuration and database */

static void check_config(struct doctor *d, const struct check *check, struct result *result)
{
	if (d->config) {
		tt_buf_str(&result->why,
			   d->config->file ? d->config->file : "defaults (no configuration file)");
		return;
	}
	result->status = FAIL;
	tt_buf_str(&result->why, d->config_message ? d->config_message : "cannot be read");
	tt_buf_str(&result->remedy, "Correct it; `telltale daemon --check-config` checks again.");
}

static void report_definitions(struct result *result, int r, char *message, const char *path,
			       const char *what, size_t n)
{
	if (r >= 0) {
		tt_buf_printf(&result->why, "%zu %s from %s", n, what, path);
		if (n == 0)
			result->status = WARN;
	} else {
		result->status = FAIL;
		tt_buf_printf(&result->why, "%s", message ? message : strerror(-r));
		tt_buf_str(&result->remedy,
			   "Correct the file, or install telltale's definitions (make install).");
	}
	free(message);
}

static void check_agents(struct doctor *d, const struct check *check, struct result *result)
{
	struct tt_config_agents *agents = NULL;
	char *message = NULL;
	int r = tt_config_load_agents(d->config->agents_dir, &agents, &message);

	report_definitions(result, r, message, d->config->agents_dir, "agents",
			   agents ? agents->n_agents : 0);
	tt_config_agents_free(agents);
}

static void check_categories(struct doctor *d, const struct check *check, struct result *result)
{
	struct tt_config_categories *categories = NULL;
	char *message = NULL;
	int r = tt_config_load_categories(d->config->categories_dir, &categories, &message);

	report_definitions(result, r, message, d->config->categories_dir, "categories",
			   categories ? categories->n : 0);
	tt_config_categories_free(categories);
}

static void check_risk(struct doctor *d, const struct check *check, struct result *result)
{
	struct tt_config_risk *risk = NULL;
	char *message = NULL;
	int r = tt_config_load_risk(d->config->risk_file, &risk, &message);

	report_definitions(result, r, message, d->config->risk_file, "weights", risk ? risk->n : 0);
	tt_config_risk_free(risk);
}

static const char *database_of(const struct doctor *d)
{
	return d->db ? d->db : d->config->database;
}

/* WAL needs shared memory between processes, which these do not have or have badly. */
static bool is_network_filesystem(const char *dir)
{
	static const unsigned long magics[] = { NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC,
						SMB2_SUPER_MAGIC, V9FS_MAGIC,	   CEPH_SUPER_MAGIC,
						AFS_SUPER_MAGIC };
	struct statfs fs;

	if (statfs(dir, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if ((unsigned long)fs.f_type == magics[i])
			return true;
	return false;
}

static void check_directory(struct doctor *d, const struct check *check, struct result *result)
{
	_cleanup_free_ char *dir = strdup(database_of(d));
	unsigned long long space;
	struct statvfs vfs;
	char *slash;

	if (!dir)
		return;
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	tt_buf_str(&result->why, slash ? dir : ".");
	if (statvfs(slash ? dir : ".", &vfs) < 0) {
		result->status = errno == ENOENT ? WARN : FAIL;
		tt_buf_printf(&result->why, ": %s", strerror(errno));
		tt_buf_str(&result->remedy,
			   "The systemd unit makes it; otherwise make it, with mode 0750, or name "
			   "another file with --db or `store: path`.");
		return;
	}
	if (access(slash ? dir : ".", W_OK | X_OK) < 0) {
		result->status = d->host.root ? FAIL : SKIP;
		tt_buf_printf(&result->why, ": cannot be written: %s", strerror(errno));
		tt_buf_str(&result->remedy, d->host.root
						    ? "Mount it for writing, or choose another with --db."
						    : "It is the daemon's; `telltale run` keeps its own.");
		return;
	}
	space = (unsigned long long)vfs.f_bavail * vfs.f_frsize;
	tt_buf_printf(&result->why, ": can be written, %llu MiB free", space >> 20);
	if (space < FREE_BYTES_WANTED) {
		result->status = WARN;
		tt_buf_str(&result->remedy, "Records that find no room are lost, and counted. Make room.");
	} else if (is_network_filesystem(slash ? dir : ".")) {
		result->status = WARN;
		tt_buf_str(&result->why, ", but on a network file system");
		tt_buf_str(&result->remedy, "SQLite's write-ahead log is not safe there: use a local disk.");
	}
}

static void check_database(struct doctor *d, const struct check *check, struct result *result)
{
	_cleanup_(tt_query_closep) struct tt_query_db *db = NULL;
	_cleanup_free_ char *message = NULL;
	const char *path = database_of(d);
	int r;

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		tt_buf_printf(&result->why, "%s: none yet; made at the first start", path);
		return;
	}
	r = tt_query_open(path, &db, &message);
	if (r >= 0) {
		tt_buf_printf(&result->why, "%s: opens", path);
		return;
	}
	result->status = r == -EACCES && !d->host.root ? SKIP : FAIL;
	tt_buf_str(&result->why, message ? message : strerror(-r));
}

static void check_daemon(struct doctor *d, const struct check *check, struct result *result)
{
	if (d->daemon >= 0) {
		tt_buf_str(&result->why, "running; `telltale status` says how it does");
	} else if (d->daemon == -EACCES) {
		result->status = WARN;
		tt_buf_str(&result->why, "running, but you may not talk to it");
		tt_buf_str(&result->remedy, "Become a member of the group telltale.");
	} else {
		tt_buf_str(&result->why, "not running; `telltale run` works without it");
	}
}

/* ---- all of them */

#define HOST(id, fn)                                                                                         \
	{                                                                                                    \
		"host", id, fn, false, 0                                                                     \
	}
#define FEATURE(id, f)                                                                                       \
	{                                                                                                    \
		"kernel", id, check_feature, true, f                                                         \
	}
#define CONFIG(id, fn)                                                                                       \
	{                                                                                                    \
		"configuration", id, fn, false, 0                                                            \
	}

static const struct check checks[] = {
	HOST("kernel", check_kernel),
	HOST("privileges", check_privileges),
	HOST("capabilities", check_capabilities),
	HOST("lockdown", check_lockdown),
	HOST("sysctls", check_sysctls),
	HOST("jit", check_jit),
	HOST("memlock", check_memlock),
	HOST("pid-namespace", check_pid_namespace),
	HOST("container", check_container),
	HOST("cgroup", check_cgroup),
	HOST("tracefs", check_tracefs),
	FEATURE("bpf", TT_FEATURE_BPF),
	{ "kernel", "btf", check_feature, false, TT_FEATURE_BTF }, /* a file that anybody may read */
	FEATURE("ringbuf", TT_FEATURE_RINGBUF),
	FEATURE("tp-btf", TT_FEATURE_TP_BTF),
	FEATURE("task-storage", TT_FEATURE_TASK_STORAGE),
	FEATURE("fentry", TT_FEATURE_FENTRY),
	FEATURE("fexit", TT_FEATURE_FEXIT),
	FEATURE("lsm", TT_FEATURE_LSM),
	FEATURE("iter-task", TT_FEATURE_ITER_TASK),
	FEATURE("uprobe", TT_FEATURE_UPROBE),
	FEATURE("uprobe-sleepable", TT_FEATURE_UPROBE_SLEEPABLE),
	{ "sensors", "rawtp", check_rawtp, true, 0 },
	{ "sensors", "trampoline", check_trampoline, true, 0 },
	{ "sensors", "c-libraries", check_libraries, false, 0 },
	CONFIG("config", check_config),
	CONFIG("agents", check_agents),
	CONFIG("categories", check_categories),
	CONFIG("risk", check_risk),
	{ "database", "directory", check_directory, false, 0 },
	{ "database", "database", check_database, false, 0 },
	{ "database", "daemon", check_daemon, false, 0 },
};

static bool needs_config(const struct check *check)
{
	return check->run == check_agents || check->run == check_categories || check->run == check_risk ||
	       check->run == check_directory || check->run == check_database;
}

static void run_check(struct doctor *d, const struct check *check, struct result *result)
{
	if (check->needs_rights && !d->host.may_load) {
		result->status = SKIP;
		tt_buf_str(&result->why, "not tried: needs root, or CAP_BPF and CAP_PERFMON");
	} else if (needs_config(check) && !d->config && !(check->run == check_database && d->db)) {
		result->status = SKIP;
		tt_buf_str(&result->why, "not checked: the configuration does not load");
	} else {
		check->run(d, check, result);
	}
	d->count[result->status]++;
}

/* ---- telling */

/* Text from a column on, broken at blanks where the terminal ends. */
static void print_wrapped(struct tt_output *out, enum tt_style style, const char *text, unsigned column)
{
	tt_output_pad(out, column);
	while (*text) {
		size_t len = strcspn(text, " ");
		size_t blanks = strspn(text + len, " ");

		if (out->width && out->column > column &&
		    out->column + tt_output_width(text, len) >= out->width) {
			tt_output_line(out);
			tt_output_pad(out, column);
		}
		tt_output_textn(out, style, text, len);
		if (text[len + blanks])
			tt_output_text(out, style, " ");
		text += len + blanks;
	}
	tt_output_line(out);
}

static void print_log(struct tt_output *out, const char *log, unsigned column)
{
	while (*log) {
		size_t len = strcspn(log, "\n");

		tt_output_pad(out, column);
		tt_output_textn(out, TT_DIM, log, len);
		tt_output_line(out);
		log += len;
		if (*log)
			log++;
	}
}

#define STATUS_COLUMN 2
#define ID_COLUMN     8
#define TEXT_COLUMN   26

static void print_text(struct doctor *d, struct tt_output *out, const struct check *check,
		       const struct result *result)
{
	if (check == checks || !tt_streq(check->group, check[-1].group)) {
		tt_output_text(out, TT_BOLD, check->group);
		tt_output_line(out);
	}
	tt_output_pad(out, STATUS_COLUMN);
	tt_output_text(out, statuses[result->status].style, statuses[result->status].word);
	tt_output_pad(out, ID_COLUMN);
	tt_output_text(out, TT_PLAIN, check->id);
	print_wrapped(out, TT_PLAIN, result->why.text ? result->why.text : "", TEXT_COLUMN);
	if (result->remedy.text)
		print_wrapped(out, TT_DIM, result->remedy.text, TEXT_COLUMN);
	if (d->verbose && result->log)
		print_log(out, result->log, TEXT_COLUMN);
}

static void print_json(struct doctor *d, struct tt_output *out, const struct check *check,
		       const struct result *result)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;

	tt_buf_printf(&buf, "{\"group\":\"%s\",\"check\":\"%s\",\"status\":\"%s\",\"why\":", check->group,
		      check->id, statuses[result->status].word);
	tt_buf_json(&buf, result->why.text);
	tt_buf_str(&buf, ",\"remedy\":");
	tt_buf_json(&buf, result->remedy.text);
	if (d->verbose) {
		tt_buf_str(&buf, ",\"log\":");
		tt_buf_json(&buf, result->log);
	}
	tt_buf_char(&buf, '}');
	tt_output_json(out, &buf);
}

static bool can_work(const struct doctor *d)
{
	return !d->count[FAIL] && (d->host.may_load || d->daemon >= 0);
}

static void print_verdict(const struct doctor *d, struct tt_output *out)
{
	tt_output_line(out);
	if (d->count[FAIL])
		tt_output_printf(out, TT_BAD, "telltale cannot work here: see what is marked fail (%u)",
				 d->count[FAIL]);
	else if (!can_work(d))
		tt_output_text(out, TT_NOTICE,
			       "whether telltale can work here takes root to tell. " SUDO_HINT);
	else
		tt_output_printf(out, TT_GOOD, "telltale can work here%s",
				 d->count[WARN] ? ", with less than it could where it says warn" : "");
	tt_output_line(out);
}

/* ---- the command */

static void examine(struct doctor *d)
{
	int r = tt_config_load(d->config_file, &d->config, &d->config_message);

	if (r < 0 && !d->config_message)
		d->config_message = strdup(strerror(-r));
	tt_host_read("", &d->host);
	d->daemon = d->config ? tt_control_connect(d->config->control_socket) : -ENOENT;
	if (d->daemon >= 0)
		close(d->daemon);
}

int tt_cmd_doctor(int argc, char **argv)
{
	struct doctor d = { .config_file = NULL };
	const struct tt_cmd_option options[] = {
		{ "config", 0, "FILE", "check this configuration and what it names", NULL, &d.config_file },
		{ "verbose", 'v', NULL, "show what the kernel said, and which libraries were found",
		  &d.verbose, NULL },
	};
	const struct tt_cmd_spec spec = {
		.name = "doctor",
		.operands = "",
		.summary = "Can telltale work on this host? Tries each thing it needs, and says what to do.",
		.want = TT_WANT_DB | TT_WANT_JSON | TT_WANT_TEXT,
		.options = options,
		.n_options = ARRAY_SIZE(options),
	};
	struct tt_cmd_common common;
	struct tt_output out;
	int status;

	if (tt_cmd_parse(&spec, argc, argv, &common, &status) < 0)
		return status;
	d.db = common.db;
	libbpf_set_print(NULL);
	examine(&d);

	tt_output_open(&out, common.color, !common.json && !common.no_pager);
	for (size_t i = 0; i < ARRAY_SIZE(checks) && !tt_output_failed(&out); i++) {
		_cleanup_(result_done) struct result result = { .status = OK };

		run_check(&d, &checks[i], &result);
		if (common.json)
			print_json(&d, &out, &checks[i], &result);
		else
			print_text(&d, &out, &checks[i], &result);
	}
	if (!common.json)
		print_verdict(&d, &out);
	status = tt_cmd_finish(&out, can_work(&d) ? TT_EXIT_OK : TT_EXIT_FAILURE);
	tt_feature_forget();
	tt_config_free(d.config);
	free(d.config_message);
	return status;
}
