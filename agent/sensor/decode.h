/* SPDX-License-Identifier: Apache-2.0 */
/* Raw records (include/telltale/event.h) -> events. Checks every length: a record may come from a file. */
#ifndef TT_SENSOR_DECODE_H
#define TT_SENSOR_DECODE_H

#include <stddef.h>

#include "event.h"

/* What of a variable's value may be kept (privacy, docs/privacy.md): called for each variable before
 * anything else sees it. Writes what may be kept to ret (cap bytes with NUL) and returns true, or false. */
typedef bool (*tt_env_filter_fn)(const char *name, const char *value, char *ret, size_t cap, void *arg);

struct tt_decoder;

int tt_decoder_new(tt_env_filter_fn filter, void *arg, struct tt_decoder **ret);
void tt_decoder_free(struct tt_decoder *decoder);

/* The record's declared size, if a header fits into len and the size is sane; else -EBADMSG. */
int tt_decode_size(const void *record, size_t len);

/* Decodes one record; *ret and what it points to live until the next call. For an exec whose environment was
 * sent, first feed its chunks with tt_decode_env_chunk(); they are handed out with the next exec.
 * -EBADMSG: malformed. */
int tt_decode(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret);
/* An aggregation entry's totals; not final. */
void tt_decode_total(const struct tt_agg_value *value, struct tt_event *ret);
int tt_decode_env_chunk(struct tt_decoder *decoder, const void *record, size_t len);

#endif
