/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF programs and user space are compiled by different compilers for different machines: what event.h and maps.h
 * say must be the same bytes to both. Compares every structure, and every member, with the types in the BPF object. */
#include <bpf/btf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "telltale/maps.h"
#include "util/util.h"

struct member {
	const char *name;
	size_t offset, size; /* size 0: a flexible array */
};

struct layout {
	const char *name;
	size_t size;
	struct member members[26];
};

#define M(type, name)                                                                                        \
	{                                                                                                    \
#name, offsetof(struct type, name), sizeof(((struct type *)0)->name)                         \
	}
#define FLEXIBLE(type, name)                                                                                 \
	{                                                                                                    \
#name, offsetof(struct type, name), 0                                                        \
	}

static const struct layout layouts[] = {
	{ "tt_ev_header",
	  sizeof(struct tt_ev_header),
	  { M(tt_ev_header, size), M(tt_ev_header, type), M(tt_ev_header, flags), M(tt_ev_header, time_ns),
	    M(tt_ev_header, slot), M(tt_ev_header, start_ns), M(tt_ev_header, pid), M(tt_ev_header, tid) } },
	{ "tt_ev_fork",
	  sizeof(struct tt_ev_fork),
	  { M(tt_ev_fork, hdr), M(tt_ev_fork, parent_start_ns), M(tt_ev_fork, parent_pid),
	    M(tt_ev_fork, ppid), M(tt_ev_fork, uid), M(tt_ev_fork, pad) } },
	{ "tt_ev_exec",
	  sizeof(struct tt_ev_exec),
	  { M(tt_ev_exec, hdr),		 M(tt_ev_exec, ino),
	    M(tt_ev_exec, file_size),	 M(tt_ev_exec, parent_start_ns),
	    M(tt_ev_exec, mnt_ns),	 M(tt_ev_exec, cgroup_id),
	    M(tt_ev_exec, dev),		 M(tt_ev_exec, ppid),
	    M(tt_ev_exec, uid),		 M(tt_ev_exec, loginuid),
	    M(tt_ev_exec, tty),		 M(tt_ev_exec, old_tid),
	    M(tt_ev_exec, argc),	 M(tt_ev_exec, env_bytes),
	    M(tt_ev_exec, exe_len),	 M(tt_ev_exec, cwd_len),
	    M(tt_ev_exec, filename_len), M(tt_ev_exec, interp_len),
	    M(tt_ev_exec, argv_len),	 M(tt_ev_exec, pad),
	    FLEXIBLE(tt_ev_exec, data) } },
	{ "tt_ev_exec_env",
	  sizeof(struct tt_ev_exec_env),
	  { M(tt_ev_exec_env, hdr), M(tt_ev_exec_env, offset), M(tt_ev_exec_env, len),
	    FLEXIBLE(tt_ev_exec_env, data) } },
	{ "tt_ev_exit",
	  sizeof(struct tt_ev_exit),
	  { M(tt_ev_exit, hdr), M(tt_ev_exit, status), M(tt_ev_exit, pad) } },
	{ "tt_agg_key",
	  sizeof(struct tt_agg_key),
	  { M(tt_agg_key, start_ns), M(tt_agg_key, ident), M(tt_agg_key, extra), M(tt_agg_key, pid),
	    M(tt_agg_key, dev), M(tt_agg_key, name), M(tt_agg_key, op), M(tt_agg_key, result) } },
	{ "tt_ev_file",
	  sizeof(struct tt_ev_file),
	  { M(tt_ev_file, hdr), M(tt_ev_file, key), M(tt_ev_file, count), M(tt_ev_file, bytes),
	    M(tt_ev_file, first_ns), M(tt_ev_file, open_flags), M(tt_ev_file, pad), M(tt_ev_file, mode),
	    M(tt_ev_file, fs_magic), M(tt_ev_file, path_len), M(tt_ev_file, base_len),
	    M(tt_ev_file, user_len), M(tt_ev_file, target_len), FLEXIBLE(tt_ev_file, data) } },
	{ "tt_ev_connect",
	  sizeof(struct tt_ev_connect),
	  { M(tt_ev_connect, hdr),	 M(tt_ev_connect, key),		M(tt_ev_connect, count),
	    M(tt_ev_connect, first_ns),	 M(tt_ev_connect, duration_ns), M(tt_ev_connect, bytes),
	    M(tt_ev_connect, sock_id),	 M(tt_ev_connect, addr),	M(tt_ev_connect, local_addr),
	    M(tt_ev_connect, port),	 M(tt_ev_connect, local_port),	M(tt_ev_connect, family),
	    M(tt_ev_connect, protocol),	 M(tt_ev_connect, result),	M(tt_ev_connect, state),
	    M(tt_ev_connect, from_user), M(tt_ev_connect, path_len),	M(tt_ev_connect, user_len),
	    M(tt_ev_connect, inward),	 M(tt_ev_connect, pad),		FLEXIBLE(tt_ev_connect, data) } },
	{ "tt_ev_env",
	  sizeof(struct tt_ev_env),
	  { M(tt_ev_env, hdr), M(tt_ev_env, key), M(tt_ev_env, count), M(tt_ev_env, first_ns),
	    M(tt_ev_env, source), M(tt_ev_env, name_len), M(tt_ev_env, pad), M(tt_ev_env, name) } },
	{ "tt_ev_count",
	  sizeof(struct tt_ev_count),
	  { M(tt_ev_count, hdr), M(tt_ev_count, key), M(tt_ev_count, count), M(tt_ev_count, bytes) } },
	{ "tt_ev_note",
	  sizeof(struct tt_ev_note),
	  { M(tt_ev_note, hdr), M(tt_ev_note, note), M(tt_ev_note, pad), M(tt_ev_note, value) } },
	{ "tt_ev_flow",
	  sizeof(struct tt_ev_flow),
	  { M(tt_ev_flow, hdr), M(tt_ev_flow, sock_id), M(tt_ev_flow, begin_ns), M(tt_ev_flow, sent),
	    M(tt_ev_flow, received), M(tt_ev_flow, ended), M(tt_ev_flow, pad) } },
	{ "tt_ev_lookup",
	  sizeof(struct tt_ev_lookup),
	  { M(tt_ev_lookup, hdr), M(tt_ev_lookup, id), M(tt_ev_lookup, family), M(tt_ev_lookup, name_len),
	    M(tt_ev_lookup, pad), M(tt_ev_lookup, name) } },
	{ "tt_ev_address",
	  sizeof(struct tt_ev_address),
	  { M(tt_ev_address, addr), M(tt_ev_address, family), M(tt_ev_address, pad) } },
	{ "tt_ev_lookup_done",
	  sizeof(struct tt_ev_lookup_done),
	  { M(tt_ev_lookup_done, hdr), M(tt_ev_lookup_done, id), M(tt_ev_lookup_done, n),
	    M(tt_ev_lookup_done, pad), M(tt_ev_lookup_done, addresses) } },
	{ "tt_ev_payload",
	  sizeof(struct tt_ev_payload),
	  { M(tt_ev_payload, hdr), M(tt_ev_payload, sock_id), M(tt_ev_payload, addr), M(tt_ev_payload, port),
	    M(tt_ev_payload, local_port), M(tt_ev_payload, family), M(tt_ev_payload, protocol),
	    M(tt_ev_payload, offset), M(tt_ev_payload, total), M(tt_ev_payload, data_len),
	    M(tt_ev_payload, inbound), M(tt_ev_payload, pad), FLEXIBLE(tt_ev_payload, data) } },
	{ "tt_slot", sizeof(struct tt_slot), { M(tt_slot, lost) } },
	{ "tt_task_state",
	  sizeof(struct tt_task_state),
	  { M(tt_task_state, slot), M(tt_task_state, start_ns), M(tt_task_state, pid),
	    M(tt_task_state, epoch), M(tt_task_state, connecting), M(tt_task_state, env_name),
	    M(tt_task_state, env_sp), M(tt_task_state, env_return), M(tt_task_state, want_env) } },
	{ "tt_agg_value",
	  sizeof(struct tt_agg_value),
	  { M(tt_agg_value, key), M(tt_agg_value, slot), M(tt_agg_value, first_ns), M(tt_agg_value, last_ns),
	    M(tt_agg_value, count), M(tt_agg_value, bytes), M(tt_agg_value, epoch), M(tt_agg_value, sent) } },
	{ "tt_sock",
	  sizeof(struct tt_sock),
	  { M(tt_sock, slot),	    M(tt_sock, start_ns),      M(tt_sock, begin_ns),
	    M(tt_sock, sock_id),    M(tt_sock, pid),	       M(tt_sock, tid),
	    M(tt_sock, addr),	    M(tt_sock, local_addr),    M(tt_sock, port),
	    M(tt_sock, local_port), M(tt_sock, family),	       M(tt_sock, state),
	    M(tt_sock, sent),	    M(tt_sock, before),	       M(tt_sock, used),
	    M(tt_sock, used_ns),    M(tt_sock, sent_is_final), M(tt_sock, tapped),
	    M(tt_sock, hands),	    M(tt_sock, inward),	       M(tt_sock, pad) } },
	{ "tt_attach", sizeof(struct tt_attach), { M(tt_attach, slot), M(tt_attach, run) } },
	{ "tt_iter_task",
	  sizeof(struct tt_iter_task),
	  { M(tt_iter_task, pid), M(tt_iter_task, tid), M(tt_iter_task, ppid), M(tt_iter_task, uid),
	    M(tt_iter_task, start_ns), M(tt_iter_task, parent_start_ns), M(tt_iter_task, slot),
	    M(tt_iter_task, comm) } },
	{ "tt_candidate_key", sizeof(struct tt_candidate_key), { M(tt_candidate_key, name) } },
};

static int setup(void **state)
{
	const char *build = getenv("B");
	char path[4096];
	struct btf *btf;

	snprintf(path, sizeof(path), "%s/telltale.bpf.o", build ? build : "build");
	btf = btf__parse(path, NULL);
	if (!btf)
		fail_msg("no types in %s: %s", path, strerror(errno));
	*state = btf;
	return 0;
}

static int teardown(void **state)
{
	btf__free(*state);
	return 0;
}

static const struct btf_member *find_member(const struct btf *btf, const struct btf_type *type,
					    const char *name)
{
	for (unsigned i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *member = &btf_members(type)[i];

		if (strcmp(btf__name_by_offset(btf, member->name_off), name) == 0)
			return member;
	}
	return NULL;
}

static unsigned count_members(const struct layout *layout)
{
	unsigned n = 0;

	while (n < ARRAY_SIZE(layout->members) && layout->members[n].name)
		n++;
	return n;
}

static void every_structure_is_the_same_to_both_compilers(void **state)
{
	const struct btf *btf = *state;

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct layout *layout = &layouts[i];
		int id = btf__find_by_name_kind(btf, layout->name, BTF_KIND_STRUCT);
		const struct btf_type *type;

		if (id < 0)
			fail_msg("struct %s is not in the BPF object", layout->name);
		type = btf__type_by_id(btf, (unsigned)id);
		if (type->size != layout->size)
			fail_msg("struct %s: %u bytes in BPF, %zu in C", layout->name, type->size,
				 layout->size);
		/* a member that is missing in the table above is not compared: nobody may forget one */
		if (btf_vlen(type) != count_members(layout))
			fail_msg("struct %s: %u members in BPF, %u in this test", layout->name,
				 btf_vlen(type), count_members(layout));
		for (unsigned k = 0; k < count_members(layout); k++) {
			const struct member *member = &layout->members[k];
			const struct btf_member *other = find_member(btf, type, member->name);
			long long size;

			if (!other)
				fail_msg("struct %s: no %s in BPF", layout->name, member->name);
			if (other->offset != member->offset * 8)
				fail_msg("struct %s: %s at bit %u in BPF, %zu in C", layout->name,
					 member->name, other->offset, member->offset * 8);
			size = btf__resolve_size(btf, other->type);
			if (size < 0 || (size_t)size != member->size)
				fail_msg("struct %s: %s has %lld bytes in BPF, %zu in C", layout->name,
					 member->name, size, member->size);
		}
	}
}

/* Also what the BPF side has and this test does not know of. */
static void no_structure_is_forgotten(void **state)
{
	const struct btf *btf = *state;

	for (unsigned id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *name = btf__name_by_offset(btf, type->name_off);
		bool known = false;

		if (!btf_is_struct(type) || strncmp(name, "tt_", 3) != 0)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
			known |= strcmp(layouts[i].name, name) == 0;
		if (!known)
			fail_msg("struct %s of the BPF object is not compared", name);
	}
}

static void enumerators_have_the_same_values(void **state)
{
	static const struct {
		const char *type, *name;
		int value;
	} values[] = {
		{ "tt_ev_type", "TT_EV_TYPES", TT_EV_TYPES },
		{ "tt_op", "TT_OP_EXEC", TT_OP_EXEC },
		{ "tt_loss", "TT_LOSS_KINDS", TT_LOSS_KINDS },
		{ "tt_stat", "TT_STATS", TT_STATS },
		{ "tt_note", "TT_NOTE_ENV_FAULT", TT_NOTE_ENV_FAULT },
		{ "tt_env_source", "TT_ENV_GO", TT_ENV_GO },
	};
	const struct btf *btf = *state;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		int id = btf__find_by_name_kind(btf, values[i].type, BTF_KIND_ENUM);
		const struct btf_type *type;
		bool found = false;

		if (id < 0)
			fail_msg("enum %s is not in the BPF object", values[i].type);
		type = btf__type_by_id(btf, (unsigned)id);
		for (unsigned k = 0; k < btf_vlen(type); k++) {
			const struct btf_enum *other = &btf_enum(type)[k];

			if (strcmp(btf__name_by_offset(btf, other->name_off), values[i].name) != 0)
				continue;
			found = true;
			assert_int_equal(other->val, values[i].value);
		}
		if (!found)
			fail_msg("enum %s: no %s in BPF", values[i].type, values[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_structure_is_the_same_to_both_compilers),
		cmocka_unit_test(no_structure_is_forgotten),
		cmocka_unit_test(enumerators_have_the_same_values),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
