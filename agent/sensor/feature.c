/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel features, found out by trying: see feature.h.
 *
 * Every program tried is the same: "add one to counter; return 0", plus the helper calls that the
 * feature is about. A row of `features` says which type of program it is and how to set it off; the
 * answer is yes only when the counter moved. Attached programs are gone again before the answer. */
#include "sensor/feature.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "sensor/ktypes.h"
#include "util/util.h"

#define LOG_SIZE (16 * 1024)

struct probe; /* one row */

/* What the steps of one try share. */
struct attempt {
	const struct probe *row;
	struct tt_feature_answer *answer;
	const struct tt_ktypes *vmlinux;
	int counter_fd; /* array map with one u64 */
	int storage_fd; /* task storage map, for the row that is about it */
	int prog_fd, link_fd, perf_fd;
};

struct probe {
	const char *name, *words, *without;
	enum tt_feature_need need;
	int (*try)(struct attempt *a);
	/* for try_program */
	enum bpf_prog_type type;
	enum bpf_attach_type attach_type;
	uint32_t prog_flags;
	const char *btf_name; /* attach target in the kernel's BTF */
	uint32_t btf_kind;
	int (*attach)(struct attempt *a);
	void (*set_off)(struct attempt *a);
};

static struct tt_feature_answer answers[TT_FEATURES];
static bool asked[TT_FEATURES];

/* ---- words */

#define ENOTSUPP 524 /* include/linux/errno.h: the kernel's own, which nobody else has words for */

const char *tt_feature_error(int error)
{
	return abs(error) == ENOTSUPP ? "not supported by this kernel" : strerror(abs(error));
}

static int step_failed(struct attempt *a, int r, const char *step)
{
	char last[160] = "";

	if (a->answer->log)
		tt_feature_last_line(a->answer->log, last, sizeof(last));
	snprintf(a->answer->why, sizeof(a->answer->why), "%s: %s%s%s%s", step, tt_feature_error(r),
		 *last ? " (" : "", last, *last ? ")" : "");
	a->answer->error = r;
	return r;
}

static bool line_is_noise(const char *line, size_t len)
{
	static const char *const noise[] = { "processed ", "verification time ", "stack depth " };

	for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
		if (len >= strlen(noise[i]) && strncmp(line, noise[i], strlen(noise[i])) == 0)
			return true;
	return len == 0;
}

void tt_feature_last_line(const char *log, char *buf, size_t size)
{
	const char *found = "";
	size_t found_len = 0;

	for (const char *line = log; *line;) {
		size_t len = strcspn(line, "\n");

		if (!line_is_noise(line, len)) {
			found = line;
			found_len = len;
		}
		line += len;
		if (*line)
			line++;
	}
	snprintf(buf, size, "%.*s", (int)(found_len < size ? found_len : size), found);
}

/* ---- programs by hand */

#define INSN(c, d, s, o, i)                                                                                  \
	(struct bpf_insn)                                                                                    \
	{                                                                                                    \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                          \
	}
#define MOV_IMM(d, i)	   INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV_REG(d, s)	   INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD_IMM(d, i)	   INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define STORE_IMM(d, o)	   INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, o, 0)
#define CALL(f)		   INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define JUMP_IF_NULL(d, o) INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, 0)
#define ATOMIC_ADD(d, s)   INSN(BPF_STX | BPF_ATOMIC | BPF_DW, d, s, 0, BPF_ADD)
#define LOAD_MAP_1(d, fd)  INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_FD, 0, fd)
#define LOAD_MAP_2()	   INSN(0, 0, 0, 0, 0)
#define EXIT()		   INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define INSNS_MAX	   48

struct code {
	struct bpf_insn v[INSNS_MAX];
	size_t n;
};

static void code_add(struct code *code, const struct bpf_insn *insns, size_t n)
{
	memcpy(code->v + code->n, insns, n * sizeof(*insns));
	code->n += n;
}

static void code_task_storage(struct code *code, int map_fd)
{
	const struct bpf_insn insns[] = {
		CALL(BPF_FUNC_get_current_task_btf),
		LOAD_MAP_1(BPF_REG_1, map_fd),
		LOAD_MAP_2(),
		MOV_REG(BPF_REG_2, BPF_REG_0),
		MOV_IMM(BPF_REG_3, 0),
		MOV_IMM(BPF_REG_4, BPF_LOCAL_STORAGE_GET_F_CREATE),
		CALL(BPF_FUNC_task_storage_get),
	};

	code_add(code, insns, ARRAY_SIZE(insns));
}

/* From address 0: that it fails does not matter, that the verifier allows it does. */
static void code_copy_from_user(struct code *code)
{
	static const struct bpf_insn insns[] = {
		STORE_IMM(BPF_REG_10, -8), MOV_REG(BPF_REG_1, BPF_REG_10), ADD_IMM(BPF_REG_1, -8),
		MOV_IMM(BPF_REG_2, 8),	   MOV_IMM(BPF_REG_3, 0),	   CALL(BPF_FUNC_copy_from_user),
	};

	code_add(code, insns, ARRAY_SIZE(insns));
}

static void code_count_and_return(struct code *code, int map_fd)
{
	const struct bpf_insn insns[] = {
		STORE_IMM(BPF_REG_10, -8),
		MOV_REG(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -8),
		LOAD_MAP_1(BPF_REG_1, map_fd),
		LOAD_MAP_2(),
		CALL(BPF_FUNC_map_lookup_elem),
		JUMP_IF_NULL(BPF_REG_0, 2),
		MOV_IMM(BPF_REG_1, 1),
		ATOMIC_ADD(BPF_REG_0, BPF_REG_1),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	code_add(code, insns, ARRAY_SIZE(insns));
}

/* ---- how programs are attached and set off */

static int attach_by_target(struct attempt *a)
{
	return bpf_raw_tracepoint_open(NULL, a->prog_fd); /* the target is in the program */
}

static int attach_iter(struct attempt *a)
{
	return bpf_link_create(a->prog_fd, 0, BPF_TRACE_ITER, NULL);
}

/* The function that the uprobe is put on. Not inlined, not merged, and never empty. */
__attribute__((noinline, used)) static void uprobe_target(void)
{
	__asm__ volatile("nop; nop; nop; nop" ::: "memory");
}

static int find_offset(struct dl_phdr_info *info, size_t size, void *arg)
{
	uint64_t *offset = arg, addr = (uint64_t)(uintptr_t)uprobe_target - info->dlpi_addr;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD || addr < ph->p_vaddr || addr - ph->p_vaddr >= ph->p_filesz)
			continue;
		*offset = addr - ph->p_vaddr + ph->p_offset;
		return 1;
	}
	return 0;
}

static int read_uprobe_pmu(void)
{
	_cleanup_fclose_ FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int type;

	if (!f)
		return -errno;
	return fscanf(f, "%d", &type) == 1 ? type : -EINVAL;
}

static int attach_uprobe(struct attempt *a)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	uint64_t offset = 0;
	int type = read_uprobe_pmu();

	if (type < 0)
		return type;
	if (!dl_iterate_phdr(find_offset, &offset))
		return -ENOENT;

	attr.type = (uint32_t)type;
	attr.config1 = (uint64_t)(uintptr_t) "/proc/self/exe";
	attr.config2 = offset;
	a->perf_fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (a->perf_fd < 0)
		return -errno;
	/* ioctl and not a link: links of perf events came with 5.15 */
	if (ioctl(a->perf_fd, PERF_EVENT_IOC_SET_BPF, a->prog_fd) < 0 ||
	    ioctl(a->perf_fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return -errno;
	return 0;
}

static void set_off_syscall(struct attempt *a)
{
	syscall(SYS_getppid);
}

static void set_off_open(struct attempt *a)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	tt_closep(&fd);
}

static void set_off_uprobe(struct attempt *a)
{
	uprobe_target();
}

static void set_off_iter(struct attempt *a)
{
	_cleanup_close_ int fd = bpf_iter_create(a->link_fd);
	char buf[64];

	if (fd >= 0 && read(fd, buf, sizeof(buf)) < 0)
		return; /* the counter tells */
}

/* ---- the tries */

static int try_bpf(struct attempt *a)
{
	/* the counter that every later try needs */
	return a->counter_fd < 0 ? step_failed(a, a->counter_fd, "creating a map") : 0;
}

static int try_btf(struct attempt *a)
{
	return a->vmlinux ? 0 : step_failed(a, -errno, "reading the kernel's types from " TT_KTYPES_PATH);
}

static int try_ringbuf(struct attempt *a)
{
	_cleanup_close_ int fd = -1;

	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "tt_try", 0, 0, (uint32_t)sysconf(_SC_PAGESIZE), NULL);
	return fd < 0 ? step_failed(a, fd, "creating a ring buffer") : 0;
}

/* Retries a refused program with the verifier's log on: the log says more than the errno. */
static int load_program(struct attempt *a, const struct code *code, int btf_id)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = a->row->attach_type,
		    .attach_btf_id = (uint32_t)btf_id, .prog_flags = a->row->prog_flags);
	char *log;

	a->prog_fd = bpf_prog_load(a->row->type, "tt_try", "GPL", code->v, code->n, &opts);
	if (a->prog_fd >= 0)
		return 0;

	log = calloc(1, LOG_SIZE);
	if (!log)
		return -ENOMEM;
	opts.log_buf = log;
	opts.log_size = LOG_SIZE;
	opts.log_level = 1;
	a->prog_fd = bpf_prog_load(a->row->type, "tt_try", "GPL", code->v, code->n, &opts);
	if (a->prog_fd < 0 && log[0])
		a->answer->log = TAKE_PTR(log);
	free(log);
	return a->prog_fd < 0 ? a->prog_fd : 0;
}

static int run_program(struct attempt *a, const struct code *code)
{
	uint64_t count = 0;
	uint32_t key = 0;
	int btf_id = 0, r;

	if (a->row->btf_name) {
		btf_id = a->vmlinux ? (int)tt_ktypes_find(a->vmlinux, a->row->btf_name, a->row->btf_kind) : 0;
		if (btf_id <= 0)
			return step_failed(a, -ENOENT, "finding the kernel function in BTF");
	}
	r = load_program(a, code, btf_id);
	if (r < 0)
		return step_failed(a, r, "loading a program");

	r = a->row->attach(a);
	if (r < 0)
		return step_failed(a, r, "attaching the program");
	a->link_fd = r > 0 ? r : -1;

	a->row->set_off(a);
	r = bpf_map_lookup_elem(a->counter_fd, &key, &count);
	if (r < 0)
		return step_failed(a, r, "reading the counter");
	return count ? 0 : step_failed(a, -ENODATA, "the program attached but was never called");
}

static int try_program(struct attempt *a)
{
	struct code code = { .n = 0 };

	if (a->row->prog_flags & BPF_F_SLEEPABLE)
		code_copy_from_user(&code);
	code_count_and_return(&code, a->counter_fd);
	return run_program(a, &code);
}

/* A task storage map has to describe its key and value; an int will do. */
static int create_storage(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct btf *btf = btf__new_empty();
	int id, fd;

	if (!btf)
		return -errno;
	id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	fd = id < 0 ? id : btf__load_into_kernel(btf);
	if (fd >= 0) {
		opts.btf_fd = (uint32_t)btf__fd(btf);
		opts.btf_key_type_id = (uint32_t)id;
		opts.btf_value_type_id = (uint32_t)id;
		fd = bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, "tt_try", 4, 4, 0, &opts);
	}
	btf__free(btf);
	return fd;
}

static int try_task_storage(struct attempt *a)
{
	struct code code = { .n = 0 };

	a->storage_fd = create_storage();
	if (a->storage_fd < 0)
		return step_failed(a, a->storage_fd, "creating a task storage map");

	code_task_storage(&code, a->storage_fd);
	code_count_and_return(&code, a->counter_fd);
	return run_program(a, &code);
}

static const struct probe features[TT_FEATURES] = {
	[TT_FEATURE_BPF] = { "bpf", "BPF system call",
			     "Nothing can be watched. Run as root or with CAP_BPF and CAP_PERFMON; in a "
			     "container "
			     "these and seccomp must allow bpf(2); kernel lockdown must not be "
			     "'confidentiality'.",
			     TT_NEED_ALWAYS, .try = try_bpf },
	[TT_FEATURE_BTF] = { "btf", "kernel type information (BTF)",
			     "Nothing can be watched. Boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (all "
			     "current "
			     "distributions' kernels are).",
			     TT_NEED_ALWAYS, .try = try_btf },
	[TT_FEATURE_RINGBUF] = { "ringbuf", "BPF ring buffer",
				 "Nothing can be watched. Needs a kernel of 5.8 or later.", TT_NEED_ALWAYS,
				 .try = try_ringbuf },
	[TT_FEATURE_TP_BTF] = { "tp-btf", "BTF raw tracepoints",
				"Nothing can be watched: processes are followed through these tracepoints.",
				TT_NEED_ALWAYS, try_program, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, 0,
				"btf_trace_sys_exit", BTF_KIND_TYPEDEF, attach_by_target, set_off_syscall },
	[TT_FEATURE_TASK_STORAGE] = { "task-storage", "task local storage",
				      "A hash map by process is used instead: each system call of an "
				      "unwatched "
				      "process costs about 0.06 microseconds more.",
				      TT_NEED_BETTER, try_task_storage, BPF_PROG_TYPE_TRACING,
				      BPF_TRACE_RAW_TP, 0, "btf_trace_sys_exit", BTF_KIND_TYPEDEF,
				      attach_by_target, set_off_syscall },
	[TT_FEATURE_FENTRY] = { "fentry", "function entry trampolines",
				"The rawtp backend is used, which costs a little on every system call. Same "
				"records.",
				TT_NEED_TRAMPOLINE, try_program, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, 0,
				"security_file_open", BTF_KIND_FUNC, attach_by_target, set_off_open },
	[TT_FEATURE_FEXIT] = { "fexit", "function exit trampolines",
			       "The rawtp backend is used, which costs a little on every system call. Same "
			       "records.",
			       TT_NEED_TRAMPOLINE, try_program, BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, 0,
			       "security_file_open", BTF_KIND_FUNC, attach_by_target, set_off_open },
	[TT_FEATURE_LSM] = { "lsm", "BPF security hooks",
			     "Nothing is recorded less. Only a policy that blocks needs them: add `bpf` to "
			     "the "
			     "kernel's lsm= list for that.",
			     TT_NEED_POLICY, try_program, BPF_PROG_TYPE_LSM, BPF_LSM_MAC, 0,
			     "bpf_lsm_file_open", BTF_KIND_FUNC, attach_by_target, set_off_open },
	[TT_FEATURE_ITER_TASK] = { "iter-task", "task iterator",
				   "Processes already running are found through /proc instead, which can "
				   "miss one "
				   "that forks at that moment.",
				   TT_NEED_BETTER, try_program, BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, 0,
				   "bpf_iter_task", BTF_KIND_FUNC, attach_iter, set_off_iter },
	[TT_FEATURE_UPROBE] = { "uprobe", "user space probes",
				"Environment look-ups are not seen (coverage `env` is blind); names handed "
				"over at "
				"exec still are. Needs CONFIG_UPROBE_EVENTS=y and the uprobe PMU.",
				TT_NEED_ENV, try_program, BPF_PROG_TYPE_KPROBE, 0, 0, NULL, 0, attach_uprobe,
				set_off_uprobe },
	[TT_FEATURE_UPROBE_SLEEPABLE] = { "uprobe-sleepable", "user space probes that may fault pages in",
					  "The first look-up of a name whose page is not in memory is "
					  "counted "
					  "without its name.",
					  TT_NEED_BETTER, try_program, BPF_PROG_TYPE_KPROBE, 0,
					  BPF_F_SLEEPABLE, NULL, 0, attach_uprobe, set_off_uprobe },
};

static void close_all(struct attempt *a)
{
	int *fds[] = { &a->link_fd, &a->perf_fd, &a->prog_fd, &a->storage_fd, &a->counter_fd };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		tt_closep(fds[i]);
}

static bool needs_vmlinux(const struct probe *row)
{
	return row->try == try_btf || row->btf_name;
}

static void ask(enum tt_feature feature, const struct tt_ktypes *vmlinux, int vmlinux_error)
{
	const struct probe *row = &features[feature];
	struct tt_feature_answer *answer = &answers[feature];
	struct attempt a = { .row = row,
			     .answer = answer,
			     .vmlinux = vmlinux,
			     .storage_fd = -1,
			     .prog_fd = -1,
			     .link_fd = -1,
			     .perf_fd = -1 };

	*answer = (struct tt_feature_answer){
		.name = row->name, .words = row->words, .need = row->need, .without = row->without
	};
	a.counter_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tt_try", 4, 8, 1, NULL);
	if (a.counter_fd < 0 && row->try == try_program)
		step_failed(&a, a.counter_fd, "creating a map");
	else {
		errno = vmlinux_error;
		answer->yes = row->try(&a) == 0;
	}
	close_all(&a);
	asked[feature] = true;
}

const struct tt_feature_answer *tt_feature_get_with(enum tt_feature feature, const struct tt_ktypes *kernel)
{
	if (!asked[feature])
		ask(feature, kernel, kernel ? 0 : errno);
	return &answers[feature];
}

const struct tt_feature_answer *tt_feature_get(enum tt_feature feature)
{
	struct tt_ktypes *kernel = NULL;

	if (!asked[feature] && needs_vmlinux(&features[feature]))
		errno = -tt_ktypes_open(TT_KTYPES_PATH, &kernel);
	tt_feature_get_with(feature, kernel);
	tt_ktypes_free(kernel);
	return &answers[feature];
}

void tt_feature_forget(void)
{
	for (int i = 0; i < TT_FEATURES; i++) {
		free(answers[i].log);
		answers[i] = (struct tt_feature_answer){ 0 };
		asked[i] = false;
	}
}
