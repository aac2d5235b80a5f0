/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls of which only the caller's word is known, seen at their return: readlink, and execs that failed. */
#ifndef TT_BPF_CALL_H
#define TT_BPF_CALL_H

#include "file.bpf.h"
#include "syscall.bpf.h"

static __noinline int observe_call(struct subject *sub, struct scratch *s, const struct call_ctx *c)
{
	bool at = c->call == CALL_READLINKAT || c->call == CALL_EXECVEAT;
	bool link = c->call == CALL_READLINK || c->call == CALL_READLINKAT;
	struct name_obs obs = {
		.spelling.at = (void *)(at ? c->arg[1] : c->arg[0]),
		.dirfd = at ? (int)c->arg[0] : AT_FDCWD,
		.op = link ? TT_OP_READLINK : TT_OP_EXEC,
		.result = c->ret < 0 ? c->ret : 0,
	};

	if (link && c->ret > 0) {
		obs.target = (void *)(at ? c->arg[2] : c->arg[1]);
		obs.target_len = c->ret < TT_PATH_MAX ? c->ret : TT_PATH_MAX - 1;
	}
	return observe_name(sub, s, &obs);
}

#endif
