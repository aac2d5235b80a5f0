/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the live sensor: shared by bpf_load.c (programs into the kernel and out again), bpf.c (reading the rings,
 * steering) and bpf_sweep.c (totals, losses, slow connects). Nobody else includes this. */
#ifndef TT_SENSOR_BPF_INTERNAL_H
#define TT_SENSOR_BPF_INTERNAL_H

#include <time.h>
#include <uthash.h>

#include "sensor/merge.h"
#include "sensor/sensor.h"
#include "telltale.skel.h"

/* Rows of the table in bpf_load.c, at most. */
#define TT_BPF_PROGRAMS 78

/* A record's time is taken before its place in the ring: allow for a hook that was interrupted between. */
#define TT_BPF_SLACK_NS UINT64_C(2000000)

/* Entries of the map of totals read at once. */
#define TT_BPF_SWEEP_BATCH 2048

struct tt_bpf_slot {
	uint64_t id;
	uint64_t reported[TT_LOSS_KINDS];
	UT_hash_handle hh;
};

struct tt_bpf_ended {
	struct tt_process_key key;
	UT_hash_handle hh;
};

struct tt_bpf_sensor {
	struct tt_sensor head;
	struct telltale_bpf *skel;
	struct bpf_link *links[TT_BPF_PROGRAMS];
	struct tt_sensor_hook hooks[TT_BPF_PROGRAMS];
	bool wanted[TT_BPF_PROGRAMS]; /* of this backend, on this kernel */
	bool absent[TT_BPF_PROGRAMS]; /* on a call that this kernel does not have */
	char refusal[160]; /* what is wrong with what was asked for */
	unsigned backend; /* bpf_load.c */
	char backend_why[320];
	char *log; /* libbpf's words while loading */

	struct ring_buffer *rings[TT_RINGS];
	struct tt_decoder *decoder;
	struct tt_merge *merge;
	uint64_t delivered_until; /* watermark of the last delivery */
	uint64_t told_socks_ns; /* what connections carried before that is told */
	unsigned taken; /* records of this poll */
	int add_error;
	enum tt_ring reading;

	struct tt_bpf_ended *ended;
	struct tt_bpf_slot *slots;
	uint64_t next_slot;
	uint64_t counters[TT_LOSS_KINDS + TT_STATS], missed[TT_BPF_PROGRAMS];
	uint64_t closed[TT_LOSS_KINDS]; /* losses of slots that are gone, not yet reported */
	uint64_t malformed; /* of the statistics, as far as reported */
	int ncpu;
	uint64_t last_sweep_ns;
	uint64_t freeze_ns;
	bool stopped;

	uint64_t *keys;
	struct tt_agg_value *values;
};

static inline struct tt_bpf_sensor *tt_bpf_self(struct tt_sensor *sensor)
{
	return (struct tt_bpf_sensor *)sensor;
}

/* ---- bpf_load.c */

/* The program of the table's row i; NULL behind the last. */
struct bpf_program *tt_bpf_program(const struct tt_bpf_sensor *sensor, size_t i);
void tt_bpf_free(struct tt_sensor *head);

/* ---- bpf.c */

extern const struct tt_sensor_ops tt_bpf_ops;
int tt_bpf_open_rings(struct tt_bpf_sensor *sensor);

/* ---- bpf_sweep.c */

int tt_bpf_sweep(struct tt_sensor *head, bool final, tt_event_fn fn, void *arg);

#endif
