/* SPDX-License-Identifier: Apache-2.0 */
/* Output of commands; see output.h. Owns the pager process. Knows nothing of what is printed. */
#include "cmd/output.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <wchar.h>

#include "cmd/row.h"

extern char **environ;

/* Narrower than this nothing is readable: then lines wrap instead of being cut. */
#define WIDTH_MIN 40

static const char *const style_codes[TT_STYLES] = {
	[TT_BOLD] = "1", [TT_DIM] = "2",      [TT_GOOD] = "32",	  [TT_NOTICE] = "33",
	[TT_BAD] = "31", [TT_ALARM] = "1;31", [TT_ACCENT] = "36",
};

static unsigned terminal_width(int fd)
{
	struct winsize size;

	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col < WIDTH_MIN ? 0 : size.ws_col;
}

static bool want_color(enum tt_color color, int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (color != TT_COLOR_AUTO)
		return color == TT_COLOR_ALWAYS;
	return isatty(fd) && !(no_color && *no_color) && !tt_streq(term, "dumb");
}

void tt_output_init(struct tt_output *out, FILE *file, enum tt_color color)
{
	int fd = fileno(file);

	*out = (struct tt_output){ .file = file,
				   .color = want_color(color, fd),
				   .utf8 = tt_streq(nl_langinfo(CODESET), "UTF-8"),
				   .width = terminal_width(fd) };
}

/* Splits in place; words point into text. */
static void split_words(char *text, char **words, unsigned max)
{
	unsigned n = 0;
	char *save = NULL;

	for (char *word = strtok_r(text, " \t", &save); word && n + 1 < max;
	     word = strtok_r(NULL, " \t", &save))
		words[n++] = word;
	words[n] = NULL;
}

/* The reader's end of the pipe becomes the pager's stdin. */
static int pager_spawn(char *const *argv, int in, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawnattr_init(&attr);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	r = posix_spawnp(ret_pid, argv[0], &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* With privileges that its user may not have (sudo of this one command), a pager must not offer a
 * shell: less only, and told so. */
static bool pager_command(char *text, size_t cap, char **words, unsigned max)
{
	bool elevated = geteuid() == 0 && (getuid() != 0 || getenv("SUDO_UID"));
	const char *pager = elevated ? NULL : getenv("PAGER");

	if (elevated)
		setenv("LESSSECURE", "1", 1);
	/* what a bare `less` in $PAGER needs in order to show colours and leave short output alone */
	setenv("LESS", "FRX", 0);
	if (snprintf(text, cap, "%s", pager ? pager : "less -FRX") >= (int)cap)
		return false;
	split_words(text, words, max);
	return words[0] && strcmp(words[0], "cat") != 0;
}

static struct tt_output *volatile paged;

/* Ctrl-C stops what feeds the pager, which goes on showing what it has; a pager that has left needs no more. */
static void on_signal(int signo)
{
	struct tt_output *out = paged;

	if (!out)
		return;
	if (signo == SIGCHLD && !out->error)
		out->error = -EPIPE;
	tt_row_interrupt();
}

static void pager_signals(void (*handler)(int signo), void (*on_pipe)(int signo))
{
	static const int signals[] = { SIGINT, SIGCHLD };
	const struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART | SA_NOCLDSTOP };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
	signal(SIGPIPE, on_pipe);
}

/* From here on its end is told by a signal, and may have been before. */
static void pager_watch(struct tt_output *out)
{
	siginfo_t info = { 0 };

	paged = out;
	if (waitid(P_PID, (id_t)out->pager, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
		on_signal(SIGCHLD);
}

static void pager_start(struct tt_output *out)
{
	char text[1024], *words[32];
	FILE *file = NULL;
	int ends[2];

	if (!pager_command(text, sizeof(text), words, ARRAY_SIZE(words)) || pipe2(ends, O_CLOEXEC) < 0)
		return;
	pager_signals(on_signal, SIG_IGN);
	if (pager_spawn(words, ends[0], &out->pager) == 0)
		file = fdopen(ends[1], "w");
	else
		out->pager = 0;
	close(ends[0]);
	if (!file) {
		close(ends[1]);
		pager_signals(SIG_DFL, SIG_DFL);
		return;
	}
	out->file = file;
	pager_watch(out);
}

void tt_output_open(struct tt_output *out, enum tt_color color, bool pager)
{
	tt_output_init(out, stdout, color);
	if (pager && isatty(STDOUT_FILENO))
		pager_start(out);
}

static void write_bytes(struct tt_output *out, const char *s, size_t n)
{
	if (n && !out->error && fwrite(s, 1, n, out->file) != n)
		out->error = errno ? -errno : -EIO;
}

static void write_string(struct tt_output *out, const char *s)
{
	write_bytes(out, s, strlen(s));
}

int tt_output_close(struct tt_output *out)
{
	if (fflush(out->file) != 0 && !out->error)
		out->error = -errno;
	if (out->pager) {
		paged = NULL; /* that it ends now is as it should be */
		fclose(out->file);
		while (waitpid(out->pager, NULL, 0) < 0 && errno == EINTR)
			;
		pager_signals(SIG_DFL, SIG_DFL);
		out->pager = 0;
		out->file = NULL;
	}
	return out->error == -EPIPE ? 0 : out->error;
}

bool tt_output_failed(const struct tt_output *out)
{
	return out->error != 0;
}

const char *tt_output_glyph(const struct tt_output *out, const char *unicode, const char *ascii)
{
	return out->utf8 ? unicode : ascii;
}

/* s is what tt_buf_terminal() made: well-formed UTF-8. */
static size_t next_char(const char *s, size_t left, unsigned *ret_width)
{
	unsigned char c = (unsigned char)s[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	wchar_t code = n == 1 ? c : c & (0x7f >> n);
	int width;

	if (n > left)
		n = left;
	for (size_t i = 1; i < n; i++)
		code = (wchar_t)(code << 6) | (s[i] & 0x3f);
	width = n == 1 ? 1 : wcwidth(code);
	*ret_width = width < 0 ? 1 : (unsigned)width;
	return n;
}

unsigned tt_output_width(const char *s, size_t n)
{
	unsigned width = 0, w;

	for (size_t i = 0; i < n; width += w)
		i += next_char(s + i, n - i, &w);
	return width;
}

static void write_styled(struct tt_output *out, enum tt_style style, const char *s, size_t n)
{
	if (n == 0)
		return;
	if (out->color && style_codes[style]) {
		write_string(out, "\033[");
		write_string(out, style_codes[style]);
		write_string(out, "m");
		write_bytes(out, s, n);
		write_string(out, "\033[0m");
	} else {
		write_bytes(out, s, n);
	}
	out->column += tt_output_width(s, n);
}

void tt_output_textn(struct tt_output *out, enum tt_style style, const char *s, size_t len)
{
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;

	tt_buf_terminal(&text, s, len);
	if (!tt_buf_ok(&text))
		out->error = -ENOMEM;
	else
		write_styled(out, style, text.text, text.len);
}

void tt_output_text(struct tt_output *out, enum tt_style style, const char *s)
{
	tt_output_textn(out, style, s, strlen(s));
}

/* NULL, and the output's error, when there is no memory. */
static _printf_(2, 0) char *format_text(struct tt_output *out, const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) >= 0)
		return text;
	out->error = -ENOMEM;
	return NULL;
}

void tt_output_printf(struct tt_output *out, enum tt_style style, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	text = format_text(out, format, args);
	va_end(args);
	if (text)
		tt_output_text(out, style, text);
}

void tt_output_pad(struct tt_output *out, unsigned column)
{
	if (out->column >= column) {
		if (column) {
			write_string(out, " ");
			out->column++;
		}
		return;
	}
	for (; out->column < column; out->column++)
		write_string(out, " ");
}

void tt_output_line(struct tt_output *out)
{
	write_string(out, "\n");
	out->column = 0;
}

void tt_output_raw(struct tt_output *out, const struct tt_buf *buf)
{
	if (!tt_buf_ok(buf))
		out->error = -ENOMEM;
	else
		write_bytes(out, buf->text, buf->len);
}

void tt_output_json(struct tt_output *out, const struct tt_buf *buf)
{
	tt_output_raw(out, buf);
	tt_output_line(out);
}

/* Writes escaped text into exactly `room` columns at most, an ellipsis in place of what is cut. */
static void write_cut(struct tt_output *out, enum tt_style style, const char *s, size_t n, unsigned room,
		      enum tt_shrink shrink)
{
	const char *dots = tt_output_glyph(out, "\u2026", "~");
	unsigned width = tt_output_width(s, n), w;
	size_t i = 0;

	if (width <= room) {
		write_styled(out, style, s, n);
		return;
	}
	if (room == 0)
		return;
	if (shrink == TT_CUT_HEAD) {
		for (; width > room - 1; width -= w)
			i += next_char(s + i, n - i, &w);
		write_styled(out, TT_DIM, dots, strlen(dots));
		write_styled(out, style, s + i, n - i);
		return;
	}
	for (unsigned used = 0; i < n; used += w) {
		size_t step = next_char(s + i, n - i, &w);

		if (used + w > room - 1)
			break;
		i += step;
	}
	write_styled(out, style, s, i);
	write_styled(out, TT_DIM, dots, strlen(dots));
}

/* ---- tables */

/* Rows that decide on the widths; bounds what a table of millions of rows keeps in memory. */
#define TABLE_SAMPLE 1000
#define TABLE_GAP    2
/* A column is not cut below this, or below its title. */
#define COLUMN_MIN   8

struct cell {
	char *text;
	size_t len;
	unsigned width;
	enum tt_style style;
};

struct tt_table {
	struct tt_output *out;
	unsigned n, next; /* next: column of the next cell */
	struct tt_column *columns; /* their titles are in titles */
	struct cell *titles;
	unsigned *widths;
	struct cell *cells; /* TABLE_SAMPLE rows at most */
	size_t n_cells, cap_cells;
	bool laid_out;
};

/* text is malloc'd and escaped. */
static int cell_init(struct cell *cell, enum tt_style style, const char *s, size_t len)
{
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;

	tt_buf_terminal(&text, s, len);
	tt_buf_add(&text, "", 0); /* so that text is there, also when empty */
	if (!tt_buf_ok(&text))
		return -ENOMEM;
	cell->len = text.len;
	cell->width = tt_output_width(text.text, text.len);
	cell->style = style;
	cell->text = TAKE_PTR(text.text);
	return 0;
}

static void table_free(struct tt_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i].text);
	for (unsigned c = 0; table->titles && c < table->n; c++)
		free(table->titles[c].text);
	free(table->titles);
	free(table->cells);
	free(table->widths);
	free(table->columns);
	free(table);
}

struct tt_table *tt_table_new(struct tt_output *out, const struct tt_column *columns, unsigned n)
{
	struct tt_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->out = out;
	table->n = n;
	table->columns = calloc(n, sizeof(*columns));
	table->widths = calloc(n, sizeof(*table->widths));
	table->titles = calloc(n, sizeof(*table->titles));
	if (!table->columns || !table->widths || !table->titles) {
		table_free(table);
		return NULL;
	}
	memcpy(table->columns, columns, n * sizeof(*columns));
	for (unsigned c = 0; c < n; c++) {
		if (cell_init(&table->titles[c], TT_BOLD, columns[c].title, strlen(columns[c].title)) < 0) {
			table_free(table);
			return NULL;
		}
	}
	return table;
}

static unsigned column_floor(const struct tt_table *table, unsigned c)
{
	return table->titles[c].width > COLUMN_MIN ? table->titles[c].width : COLUMN_MIN;
}

/* Takes columns from the widest column that may shrink until the row fits or nothing gives. */
static void table_shrink(struct tt_table *table)
{
	unsigned total = TABLE_GAP * (table->n - 1);

	for (unsigned c = 0; c < table->n; c++)
		total += table->widths[c];
	while (total > table->out->width) {
		unsigned widest = table->n;

		for (unsigned c = 0; c < table->n; c++)
			if (table->columns[c].shrink != TT_KEEP &&
			    table->widths[c] > column_floor(table, c) &&
			    (widest == table->n || table->widths[c] > table->widths[widest]))
				widest = c;
		if (widest == table->n)
			return;
		table->widths[widest]--;
		total--;
	}
}

/* Blanks are written only before text: lines have none at their end. *start is the cell's column, and
 * becomes the next one's. */
static void table_put(struct tt_table *table, unsigned c, const struct cell *cell, unsigned *start)
{
	struct tt_output *out = table->out;
	enum tt_shrink shrink = table->columns[c].shrink;
	unsigned room = table->widths[c], left = 0;

	/* without a terminal's edge nothing is cut; what came after the sample just juts out */
	if ((out->width == 0 || shrink == TT_KEEP) && cell->width > room)
		room = cell->width;
	if (table->columns[c].right && cell->width < room)
		left = room - cell->width;
	if (cell->len) {
		if (*start + left)
			tt_output_pad(out, *start + left);
		write_cut(out, cell->style, cell->text, cell->len, room, shrink);
	}
	*start += room + TABLE_GAP;
}

static void table_titles(struct tt_table *table)
{
	unsigned start = 0;

	for (unsigned c = 0; c < table->n; c++)
		table_put(table, c, &table->titles[c], &start);
	tt_output_line(table->out);
}

static void table_layout(struct tt_table *table)
{
	if (table->laid_out || table->n_cells == 0)
		return;
	table->laid_out = true;
	for (unsigned c = 0; c < table->n; c++)
		table->widths[c] = table->titles[c].width;
	for (size_t i = 0; i < table->n_cells; i++)
		if (table->cells[i].width > table->widths[i % table->n])
			table->widths[i % table->n] = table->cells[i].width;
	if (table->out->width)
		table_shrink(table);
	table_titles(table);
}

static void table_flush(struct tt_table *table)
{
	unsigned start = 0;

	table_layout(table);
	for (size_t i = 0; i < table->n_cells; i++) {
		struct cell *cell = &table->cells[i];

		table_put(table, i % table->n, cell, &start);
		if ((i + 1) % table->n == 0) {
			tt_output_line(table->out);
			start = 0;
		}
		free(cell->text);
	}
	table->n_cells = 0;
}

static struct cell *table_reserve(struct tt_table *table)
{
	if (table->n_cells == table->cap_cells) {
		size_t cap = table->cap_cells ? table->cap_cells * 2 : 16 * (size_t)table->n;
		struct cell *cells = reallocarray(table->cells, cap, sizeof(*cells));

		if (!cells)
			return NULL;
		table->cells = cells;
		table->cap_cells = cap;
	}
	return &table->cells[table->n_cells];
}

void tt_table_celln(struct tt_table *table, enum tt_style style, const char *s, size_t len)
{
	struct cell *cell = table_reserve(table);

	if (!cell || cell_init(cell, style, s, len) < 0) {
		table->out->error = -ENOMEM;
		return;
	}
	table->n_cells++;
	if (++table->next < table->n)
		return;
	table->next = 0;
	if (table->laid_out || table->n_cells == TABLE_SAMPLE * (size_t)table->n)
		table_flush(table);
}

void tt_table_cell(struct tt_table *table, enum tt_style style, const char *s)
{
	tt_table_celln(table, style, s, strlen(s));
}

void tt_table_cellf(struct tt_table *table, enum tt_style style, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	text = format_text(table->out, format, args);
	va_end(args);
	if (text)
		tt_table_cell(table, style, text);
}

void tt_table_end(struct tt_table *table)
{
	if (table)
		table_flush(table);
	table_free(table);
}
