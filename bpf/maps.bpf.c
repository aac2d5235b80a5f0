/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one definition of every map and setting that the other objects declare. */
#define TT_DEFINE_MAPS
#include "lib/maps.bpf.h"

/* The compiler describes (BTF) only types that a map or a variable has. tests/unit/sensor/layout.c compares all that
 * user space shares: a pointer to the union of the others is enough. */
union tt_shared {
	struct tt_ev_fork fork;
	struct tt_ev_exec exec;
	struct tt_ev_exec_env exec_env;
	struct tt_ev_exit exit;
	struct tt_ev_file file;
	struct tt_ev_connect connect;
	struct tt_ev_env env;
	struct tt_ev_count count;
	struct tt_ev_note note;
	struct tt_ev_flow flow;
	struct tt_ev_payload payload;
	struct tt_ev_lookup lookup;
	struct tt_ev_lookup_done lookup_done;
	struct tt_iter_task task;
	enum tt_ev_type type;
	enum tt_ev_flags flags;
	enum tt_op op;
	enum tt_conn_state state;
	enum tt_env_source source;
	enum tt_note what;
	enum tt_loss loss;
	enum tt_stat stat;
};
const union tt_shared *tt_shared;
