/* SPDX-License-Identifier: Apache-2.0 */
/* Host facts: see host.h. Files of /proc and /sys are read whole, once, and at most 64 KiB of them. */
#include "sensor/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "util/util.h"

#define FILE_MAX (64 * 1024)

/* The first pid namespace's inode, fixed in the kernel's proc_ns.h since 3.8. */
#define INITIAL_PID_NS "pid:[4026531836]"

static const struct {
	const char *name;
	cap_value_t value;
} caps[TT_HOST_CAPS] = {
	[TT_HOST_CAP_BPF] = { "CAP_BPF", CAP_BPF },
	[TT_HOST_CAP_PERFMON] = { "CAP_PERFMON", CAP_PERFMON },
	[TT_HOST_CAP_SYS_ADMIN] = { "CAP_SYS_ADMIN", CAP_SYS_ADMIN },
	[TT_HOST_CAP_SYS_PTRACE] = { "CAP_SYS_PTRACE", CAP_SYS_PTRACE },
	[TT_HOST_CAP_DAC_READ_SEARCH] = { "CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH },
};

const char *tt_host_cap_name(enum tt_host_cap cap)
{
	return caps[cap].name;
}

/* The file's text, malloc'd, or NULL. */
static char *read_file(const char *root, const char *path)
{
	_cleanup_close_ int fd = -1;
	char name[PATH_MAX], *text;
	size_t len = 0;
	ssize_t n;

	if ((size_t)snprintf(name, sizeof(name), "%s%s", root, path) >= sizeof(name))
		return NULL;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return NULL;
	text = malloc(FILE_MAX + 1);
	if (!text)
		return NULL;
	while (len < FILE_MAX && (n = read(fd, text + len, FILE_MAX - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return text;
}

static int32_t read_number(const char *root, const char *path)
{
	_cleanup_free_ char *text = read_file(root, path);
	char *end;
	long value;

	if (!text)
		return TT_HOST_UNKNOWN;
	value = strtol(text, &end, 10);
	return end == text || value > INT32_MAX || value <= INT32_MIN ? TT_HOST_UNKNOWN : (int32_t)value;
}

static bool exists(const char *root, const char *path)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s%s", root, path);
	return access(name, F_OK) == 0;
}

static void read_caps(struct tt_host *host)
{
	cap_t set = cap_get_proc();

	for (int i = 0; set && i < TT_HOST_CAPS; i++) {
		cap_flag_value_t value = CAP_CLEAR;

		/* fails for a capability that this kernel does not know: then nobody has it */
		host->caps[i] = cap_get_flag(set, caps[i].value, CAP_EFFECTIVE, &value) == 0 &&
				value == CAP_SET;
	}
	cap_free(set);
	host->may_load = host->caps[TT_HOST_CAP_SYS_ADMIN] ||
			 (host->caps[TT_HOST_CAP_BPF] && host->caps[TT_HOST_CAP_PERFMON]);
}

/* "none [integrity] confidentiality" */
static void read_lockdown(const char *root, struct tt_host *host)
{
	_cleanup_free_ char *text = read_file(root, "/sys/kernel/security/lockdown");
	char *open_bracket = text ? strchr(text, '[') : NULL;

	if (open_bracket)
		snprintf(host->lockdown, sizeof(host->lockdown), "%.*s",
			 (int)strcspn(open_bracket + 1, "]\n"), open_bracket + 1);
}

static void read_lsm(const char *root, struct tt_host *host)
{
	_cleanup_free_ char *text = read_file(root, "/sys/kernel/security/lsm");

	if (text)
		snprintf(host->lsm, sizeof(host->lsm), "%.*s", (int)strcspn(text, "\n"), text);
}

/* mountinfo: "36 35 98:0 /root /mount/point options... - type source superoptions", proc(5). */
static void read_mounts(const char *root, struct tt_host *host)
{
	_cleanup_free_ char *text = read_file(root, "/proc/self/mountinfo");
	char *state = NULL;

	if (!text)
		return;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		char *type = strstr(line, " - "), point[128];

		if (!type || sscanf(line, "%*s %*s %*s %*s %127s", point) != 1)
			continue;
		type += 3;
		if (strncmp(type, "cgroup2 ", 8) == 0 && !host->cgroup2[0])
			snprintf(host->cgroup2, sizeof(host->cgroup2), "%s", point);
		else if (strncmp(type, "tracefs ", 8) == 0)
			host->tracefs = true;
	}
}

static void read_pid_ns(const char *root, struct tt_host *host)
{
	char name[PATH_MAX], target[64];
	ssize_t n;

	snprintf(name, sizeof(name), "%s/proc/self/ns/pid", root);
	n = readlink(name, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	host->pid_ns_known = true;
	host->pid_ns_initial = tt_streq(target, INITIAL_PID_NS);
}

/* Signs that container managers leave, most telling first. */
static void read_container(const char *root, struct tt_host *host)
{
	static const struct {
		const char *path, *name;
	} signs[] = {
		{ "/.dockerenv", "docker" },
		{ "/run/.containerenv", "podman" },
		{ "/proc/sys/fs/binfmt_misc/WSLInterop", "wsl" },
	};
	_cleanup_free_ char *manager = read_file(root, "/run/systemd/container");

	if (manager && manager[0]) {
		snprintf(host->container, sizeof(host->container), "%.*s", (int)strcspn(manager, "\n"),
			 manager);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(signs) && !host->container[0]; i++)
		if (exists(root, signs[i].path))
			snprintf(host->container, sizeof(host->container), "%s", signs[i].name);
}

static void read_limits(struct tt_host *host)
{
	struct rlimit limit;

	host->memlock = UINT64_MAX;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		host->memlock = limit.rlim_cur;
}

void tt_host_read(const char *root, struct tt_host *ret)
{
	struct utsname name;

	*ret = (struct tt_host){ .root = geteuid() == 0 };
	if (uname(&name) == 0) {
		snprintf(ret->release, sizeof(ret->release), "%s", name.release);
		snprintf(ret->machine, sizeof(ret->machine), "%s", name.machine);
	}
	ret->unprivileged_bpf_disabled = read_number(root, "/proc/sys/kernel/unprivileged_bpf_disabled");
	ret->perf_event_paranoid = read_number(root, "/proc/sys/kernel/perf_event_paranoid");
	ret->bpf_jit_enable = read_number(root, "/proc/sys/net/core/bpf_jit_enable");
	ret->uprobe_pmu = read_number(root, "/sys/bus/event_source/devices/uprobe/type");
	read_caps(ret);
	read_lockdown(root, ret);
	read_lsm(root, ret);
	read_mounts(root, ret);
	read_pid_ns(root, ret);
	read_container(root, ret);
	read_limits(ret);
}
