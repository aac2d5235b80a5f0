/* SPDX-License-Identifier: Apache-2.0 */
/* What a command writes: styled text, tables, JSON, through a pager where a person reads.
 *
 * Text goes out in pieces that never hold a line end: every control character, bidirectional override
 * and invalid byte in a piece is escaped, whoever wrote it, so nothing an observed process chose can
 * move the cursor or forge a line. Lines end only through tt_output_line(). JSON is escaped by its own
 * rules (util/buf.h). Write errors are kept and reported once, by tt_output_close(). */
#ifndef TT_CMD_OUTPUT_H
#define TT_CMD_OUTPUT_H

#include <sys/types.h>

#include "util/buf.h"

enum tt_color { TT_COLOR_AUTO, TT_COLOR_ALWAYS, TT_COLOR_NEVER };

enum tt_style {
	TT_PLAIN,
	TT_BOLD,
	TT_DIM,
	TT_GOOD, /* green */
	TT_NOTICE, /* yellow */
	TT_BAD, /* red */
	TT_ALARM, /* bold red */
	TT_ACCENT, /* cyan */
	TT_STYLES
};

struct tt_output {
	FILE *file;
	pid_t pager; /* 0: none */
	bool color, utf8;
	unsigned width; /* columns of the terminal; 0: not a terminal, never shorten */
	unsigned column; /* where the next piece starts */
	int error; /* first write error, negative errno */
};

/* Writes to a stream that stays the caller's. Colour `auto`: on a terminal and NO_COLOR not set. */
void tt_output_init(struct tt_output *out, FILE *file, enum tt_color color);

/* Writes to stdout; with pager and stdout a terminal, through $PAGER (split on blanks, no shell) or
 * `less -FRX`, and if that cannot be started, directly. From then on Ctrl-C, and the pager's end, stop
 * the query that feeds it (tt_row_interrupt()). */
void tt_output_open(struct tt_output *out, enum tt_color color, bool pager);

/* Flushes and waits for the pager. 0, or the first write error; a reader who left early is none. */
int tt_output_close(struct tt_output *out);

/* Nobody reads any more (pager left, disk full): long loops stop. */
bool tt_output_failed(const struct tt_output *out);

void tt_output_text(struct tt_output *out, enum tt_style style, const char *s);
void tt_output_textn(struct tt_output *out, enum tt_style style, const char *s, size_t len);
void tt_output_printf(struct tt_output *out, enum tt_style style, const char *format, ...) _printf_(3, 4);
/* Blanks up to a column; at least one when already past it and column is not 0. */
void tt_output_pad(struct tt_output *out, unsigned column);
void tt_output_line(struct tt_output *out);

/* Writes a finished buffer (JSON) as one line; an allocation failure in it becomes the output's error. */
void tt_output_json(struct tt_output *out, const struct tt_buf *buf);
/* A piece of a JSON document, without a line end. */
void tt_output_raw(struct tt_output *out, const struct tt_buf *buf);

/* The Unicode character where the terminal shows them, else its stand-in. */
const char *tt_output_glyph(const struct tt_output *out, const char *unicode, const char *ascii);

/* Columns that n bytes of escaped text occupy. */
unsigned tt_output_width(const char *s, size_t n);

/* ---- tables: columns as wide as their contents; where the terminal is narrower, those that may shrink do. */
enum tt_shrink { TT_KEEP, TT_CUT_TAIL, TT_CUT_HEAD /* paths: their end tells most */ };

struct tt_column {
	const char *title;
	bool right;
	enum tt_shrink shrink;
};

struct tt_table;

/* Columns and titles are copied. NULL: out of memory. */
struct tt_table *tt_table_new(struct tt_output *out, const struct tt_column *columns, unsigned n);
/* Cells from left to right, row by row. After the first thousand rows widths are fixed and rows stream. */
void tt_table_cell(struct tt_table *table, enum tt_style style, const char *s);
void tt_table_celln(struct tt_table *table, enum tt_style style, const char *s, size_t len);
void tt_table_cellf(struct tt_table *table, enum tt_style style, const char *format, ...) _printf_(3, 4);
/* Prints what is left and frees. Nothing, not even titles, when there was no row. */
void tt_table_end(struct tt_table *table);

#endif
