/* SPDX-License-Identifier: Apache-2.0 */
/* The walker: pulls libyaml's events and fills objects by their schema.
 *
 * Works on events, not on libyaml's document tree: recursion is as deep as the schema and never as
 * the file, an alias is refused where it stands, and memory is only used for what a schema keeps. */
#include "yaml.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <yaml.h>

#include "config.h"

/* The largest file shipped has 20 KiB. */
#define FILE_BYTES_MAX (1 << 20)
#define DIR_FILES_MAX  1024
#define LIST_MAX       4096
#define SCALAR_MAX     4096

struct tt_yaml {
	yaml_parser_t parser;
	const char *file;
	char *text;
	size_t len;
	char **ret_message;
};

static int set_message(char **ret_message, int error, const char *format, ...) _printf_(3, 4);

static int set_message(char **ret_message, int error, const char *format, ...)
{
	va_list ap;

	if (!ret_message)
		return error;
	va_start(ap, format);
	if (vasprintf(ret_message, format, ap) < 0)
		*ret_message = NULL;
	va_end(ap);
	return error;
}

const char *tt_yaml_file(const struct tt_yaml *yaml)
{
	return yaml->file;
}

int tt_yaml_fail(struct tt_yaml *yaml, size_t line, const char *format, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;
	int r;

	va_start(ap, format);
	r = vasprintf(&what, format, ap);
	va_end(ap);
	if (r < 0) {
		what = NULL;
		return -ENOMEM;
	}
	return set_message(yaml->ret_message, -EINVAL, "%s:%zu: %s", yaml->file, line, what);
}

/* ---- events */

static size_t line_of(const yaml_event_t *event)
{
	return event->start_mark.line + 1;
}

/* libyaml's reader (encoding errors) knows an offset, everything else a line. */
static size_t error_line(const struct tt_yaml *yaml)
{
	const yaml_parser_t *parser = &yaml->parser;
	size_t line = 1;

	if (parser->error != YAML_READER_ERROR)
		return parser->problem_mark.line + 1;
	for (size_t i = 0; i < parser->problem_offset && i < yaml->len; i++)
		line += yaml->text[i] == '\n';
	return line;
}

/* On success the caller deletes the event; on failure there is none. */
static int next_event(struct tt_yaml *yaml, yaml_event_t *ret)
{
	const yaml_parser_t *parser = &yaml->parser;

	if (!yaml_parser_parse(&yaml->parser, ret)) {
		if (parser->error == YAML_MEMORY_ERROR)
			return -ENOMEM;
		return tt_yaml_fail(yaml, error_line(yaml), "not YAML: %s",
				    parser->problem ? parser->problem : "unknown error");
	}
	if (ret->type == YAML_ALIAS_EVENT) {
		size_t line = line_of(ret);

		yaml_event_delete(ret);
		return tt_yaml_fail(yaml, line, "aliases (*name) are not supported");
	}
	return 0;
}

static const char *scalar_of(const yaml_event_t *event)
{
	return (const char *)event->data.scalar.value;
}

static int check_scalar(struct tt_yaml *yaml, const char *key, const yaml_event_t *event)
{
	size_t len;

	if (event->type != YAML_SCALAR_EVENT)
		return tt_yaml_fail(yaml, line_of(event), "'%s' takes a single value", key);
	len = event->data.scalar.length;
	if (!len)
		return tt_yaml_fail(yaml, line_of(event), "'%s' has no value", key);
	if (len > SCALAR_MAX)
		return tt_yaml_fail(yaml, line_of(event), "'%s' is longer than %d bytes", key, SCALAR_MAX);
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)scalar_of(event)[i]))
			return tt_yaml_fail(yaml, line_of(event), "'%s' has a control character in it", key);
	return 0;
}

/* ---- scalars */

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "KiB", 1 << 10 },
	{ "MiB", 1 << 20 },
	{ "GiB", 1 << 30 },
	{ "TiB", 1LL << 40 },
	{},
};

static const struct unit time_units[] = {
	{ "ms", 1000000LL },
	{ "s", 1000000000LL },
	{ "m", 60 * 1000000000LL },
	{ "h", 3600 * 1000000000LL },
	{ "d", 86400 * 1000000000LL },
	{ "w", 7 * 86400 * 1000000000LL },
	{},
};

static const struct unit no_units[] = { { "", 1 }, {} };

/* Numeric types: which units a value may have, and what it is kept in. */
static const struct number_type {
	const struct unit *units;
	int64_t kept_in, max;
	const char *example;
	bool is_64;
} number_types[] = {
	[TT_YAML_INT] = { no_units, 1, INT_MAX, "7", false },
	[TT_YAML_COUNT] = { no_units, 1, UINT32_MAX, "4096", false },
	[TT_YAML_BYTES32] = { size_units, 1, UINT32_MAX, "16MiB", false },
	[TT_YAML_BYTES64] = { size_units, 1, INT64_MAX, "2GiB", true },
	[TT_YAML_MIB] = { size_units, 1 << 20, UINT32_MAX, "32MiB", false },
	[TT_YAML_NS] = { time_units, 1, INT64_MAX, "90d", true },
	[TT_YAML_MS] = { time_units, 1000000, UINT32_MAX, "10ms", false },
};

/* Digits and a unit -> value in the unit kept. false: not such a number, or too large for int64. */
static bool parse_number(const char *text, const struct number_type *type, int64_t *ret)
{
	int64_t value = 0;
	const char *p = text;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *p - '0', &value))
			return false;
	/* Zero is zero in every unit. */
	if (!value && !*p) {
		*ret = 0;
		return true;
	}
	for (const struct unit *unit = type->units; unit->name; unit++) {
		if (strcmp(p, unit->name))
			continue;
		if (__builtin_mul_overflow(value, unit->factor, &value) || value % type->kept_in)
			return false;
		*ret = value / type->kept_in;
		return true;
	}
	return false;
}

static int put_number(struct tt_yaml *yaml, const struct tt_yaml_field *field, void *slot, const char *text,
		      size_t line)
{
	const struct number_type *type = &number_types[field->type];
	int64_t max = field->max ? field->max : type->max;
	int64_t value;

	if (field->min == 0 && tt_streq(text, "off"))
		value = 0;
	else if (!parse_number(text, type, &value))
		return tt_yaml_fail(yaml, line, "'%s' is '%s', expected a number such as %s", field->key,
				    text, type->example);
	if (value < field->min || value > max)
		return tt_yaml_fail(yaml, line, "'%s' is '%s', which is out of its range", field->key, text);
	if (type->is_64)
		*(int64_t *)slot = value;
	else
		*(uint32_t *)slot = value;
	return 0;
}

static int put_double(struct tt_yaml *yaml, const struct tt_yaml_field *field, double *slot, const char *text,
		      size_t line)
{
	char *end;
	double value;

	/* strtod also takes hexadecimal, "inf" and exponents: nobody means those here. */
	if (text[strspn(text, "0123456789.")])
		return tt_yaml_fail(yaml, line, "'%s' is '%s', expected a number such as 2.5", field->key,
				    text);
	value = strtod(text, &end);
	if (end == text || *end || !isfinite(value))
		return tt_yaml_fail(yaml, line, "'%s' is '%s', expected a number such as 2.5", field->key,
				    text);
	*slot = value;
	return 0;
}

static int put_string(char **slot, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*slot);
	*slot = copy;
	return 0;
}

/* Position of text in the field's words, or -EINVAL with a message that lists them. */
static int find_word(struct tt_yaml *yaml, const struct tt_yaml_field *field, const char *text, size_t line)
{
	char list[256] = "";
	size_t len = 0;

	for (int i = 0; field->words[i]; i++) {
		int n;

		if (tt_streq(field->words[i], text))
			return i;
		n = snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", field->words[i]);
		if (n > 0 && len + n < sizeof(list))
			len += n;
	}
	return tt_yaml_fail(yaml, line, "'%s' is '%s', expected one of: %s", field->key, text, list);
}

static int put_bool(struct tt_yaml *yaml, const struct tt_yaml_field *field, bool *slot, const char *text,
		    size_t line)
{
	if (!tt_streq(text, "true") && !tt_streq(text, "false"))
		return tt_yaml_fail(yaml, line, "'%s' is '%s', expected true or false", field->key, text);
	*slot = text[0] == 't';
	return 0;
}

static int put_scalar(struct tt_yaml *yaml, const struct tt_yaml_field *field, void *slot,
		      const yaml_event_t *event)
{
	const char *text = scalar_of(event);
	size_t line = line_of(event);
	int r;

	r = check_scalar(yaml, field->key, event);
	if (r < 0)
		return r;
	switch (field->type) {
	case TT_YAML_PATH:
		if (text[0] != '/')
			return tt_yaml_fail(yaml, line, "'%s' is '%s', expected an absolute path", field->key,
					    text);
		return put_string(slot, text);
	case TT_YAML_STRING:
		return put_string(slot, text);
	case TT_YAML_BOOL:
		return put_bool(yaml, field, slot, text, line);
	case TT_YAML_DOUBLE:
		return put_double(yaml, field, slot, text, line);
	case TT_YAML_WORD:
	case TT_YAML_ENUM:
	case TT_YAML_LETTER:
		r = find_word(yaml, field, text, line);
		if (r < 0)
			return r;
		if (field->type == TT_YAML_WORD)
			return put_string(slot, text);
		if (field->type == TT_YAML_ENUM)
			*(int *)slot = r;
		else
			*(char *)slot = text[0];
		return 0;
	default:
		return put_number(yaml, field, slot, text, line);
	}
}

/* ---- lists and mappings */

static int walk_mapping(struct tt_yaml *yaml, const struct tt_yaml_schema *schema, void *object, size_t line);

static int strv_add(struct tt_yaml *yaml, const struct tt_yaml_field *field, void *object,
		    const yaml_event_t *event)
{
	struct tt_strv *strv = (struct tt_strv *)((char *)object + field->offset);
	char **v;
	int r;

	r = check_scalar(yaml, field->key, event);
	if (r < 0)
		return r;
	if (strv->n == LIST_MAX)
		return tt_yaml_fail(yaml, line_of(event), "'%s' has more than %d entries", field->key,
				    LIST_MAX);
	v = reallocarray(strv->v, strv->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	strv->v = v;
	v[strv->n] = strdup(scalar_of(event));
	if (!v[strv->n])
		return -ENOMEM;
	strv->n++;
	return 0;
}

static int list_add(struct tt_yaml *yaml, const struct tt_yaml_field *field, void *object,
		    const yaml_event_t *event)
{
	void **items = (void **)((char *)object + field->offset);
	size_t *n = (size_t *)((char *)object + field->n_offset);
	size_t size = field->sub->size;
	void *grown, *item;
	int r;

	if (event->type != YAML_MAPPING_START_EVENT)
		return tt_yaml_fail(yaml, line_of(event), "'%s' takes a list of mappings (key: value)",
				    field->key);
	if (*n == LIST_MAX)
		return tt_yaml_fail(yaml, line_of(event), "'%s' has more than %d entries", field->key,
				    LIST_MAX);
	grown = reallocarray(*items, *n + 1, size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	item = (char *)grown + *n * size;
	memset(item, 0, size);
	(*n)++;
	r = field->sub->init ? field->sub->init(item) : 0;
	if (r < 0)
		return r;
	return walk_mapping(yaml, field->sub, item, line_of(event));
}

/* Each entry of a list, given to add(). */
static int put_list(struct tt_yaml *yaml, const struct tt_yaml_field *field, void *object,
		    const yaml_event_t *first,
		    int (*add)(struct tt_yaml *yaml, const struct tt_yaml_field *field, void *object,
			       const yaml_event_t *event))
{
	yaml_event_t event;
	int r;

	if (first->type != YAML_SEQUENCE_START_EVENT)
		return tt_yaml_fail(yaml, line_of(first), "'%s' takes a list", field->key);
	for (;;) {
		bool end;

		r = next_event(yaml, &event);
		if (r < 0)
			return r;
		end = event.type == YAML_SEQUENCE_END_EVENT;
		r = end ? 0 : add(yaml, field, object, &event);
		yaml_event_delete(&event);
		if (r < 0 || end)
			return r;
	}
}

/* A list of one may be written without its brackets. */
static int put_strv(struct tt_yaml *yaml, const struct tt_yaml_field *field, void *object,
		    const yaml_event_t *first)
{
	if (first->type == YAML_SCALAR_EVENT)
		return strv_add(yaml, field, object, first);
	return put_list(yaml, field, object, first, strv_add);
}

static int put_value(struct tt_yaml *yaml, const struct tt_yaml_field *field, void *object)
{
	void *slot = (char *)object + field->offset;
	yaml_event_t event;
	int r;

	r = next_event(yaml, &event);
	if (r < 0)
		return r;
	switch (field->type) {
	case TT_YAML_STRV:
		r = put_strv(yaml, field, object, &event);
		break;
	case TT_YAML_LIST:
		r = put_list(yaml, field, object, &event, list_add);
		break;
	case TT_YAML_MAP:
		if (event.type == YAML_MAPPING_START_EVENT)
			r = walk_mapping(yaml, field->sub, object, line_of(&event));
		else
			r = tt_yaml_fail(yaml, line_of(&event), "'%s' takes keys of its own, indented",
					 field->key);
		break;
	default:
		r = put_scalar(yaml, field, slot, &event);
	}
	yaml_event_delete(&event);
	return r;
}

/* Edit distance of short words; anything longer than 32 bytes is far from everything. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[33];
	size_t la = strlen(a), lb = strlen(b);

	if (la > 32 || lb > 32)
		return UINT_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
			if (change < row[j])
				row[j] = change;
		}
	}
	return row[lb];
}

static int unknown_key(struct tt_yaml *yaml, const struct tt_yaml_schema *schema, const char *key,
		       size_t line)
{
	const char *nearest = NULL;
	unsigned best = 3; /* more edits than two are not a typo */

	for (size_t i = 0; i < schema->n_fields; i++) {
		unsigned d = distance(key, schema->fields[i].key);

		if (d < best) {
			best = d;
			nearest = schema->fields[i].key;
		}
	}
	if (nearest)
		return tt_yaml_fail(yaml, line, "unknown key '%s' in %s, did you mean '%s'?", key,
				    schema->what, nearest);
	return tt_yaml_fail(yaml, line, "unknown key '%s' in %s", key, schema->what);
}

static int walk_key(struct tt_yaml *yaml, const struct tt_yaml_schema *schema, void *object,
		    const yaml_event_t *event, uint64_t *seen)
{
	const char *key;
	int r;

	r = check_scalar(yaml, "key", event);
	if (r < 0)
		return r;
	key = scalar_of(event);
	for (size_t i = 0; i < schema->n_fields; i++) {
		if (strcmp(schema->fields[i].key, key))
			continue;
		if (*seen & 1ULL << i)
			return tt_yaml_fail(yaml, line_of(event), "'%s' is given twice", key);
		*seen |= 1ULL << i;
		return put_value(yaml, &schema->fields[i], object);
	}
	return unknown_key(yaml, schema, key, line_of(event));
}

/* The mapping's start has been read; reads to its end. */
static int walk_mapping(struct tt_yaml *yaml, const struct tt_yaml_schema *schema, void *object, size_t line)
{
	uint64_t seen = 0;
	yaml_event_t event;
	int r;

	for (;;) {
		bool end;

		r = next_event(yaml, &event);
		if (r < 0)
			return r;
		end = event.type == YAML_MAPPING_END_EVENT;
		r = end ? 0 : walk_key(yaml, schema, object, &event, &seen);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
		if (end)
			break;
	}
	for (size_t i = 0; i < schema->n_fields; i++)
		if (schema->fields[i].required && !(seen & 1ULL << i))
			return tt_yaml_fail(yaml, line, "%s needs '%s'", schema->what, schema->fields[i].key);
	return schema->check ? schema->check(yaml, object, line) : 0;
}

static void clear_field(const struct tt_yaml_field *field, void *object)
{
	void *slot = (char *)object + field->offset;

	switch (field->type) {
	case TT_YAML_STRING:
	case TT_YAML_PATH:
	case TT_YAML_WORD:
		free(*(char **)slot);
		*(char **)slot = NULL;
		return;
	case TT_YAML_STRV: {
		struct tt_strv *strv = slot;

		for (size_t i = 0; i < strv->n; i++)
			free(strv->v[i]);
		free(strv->v);
		*strv = (struct tt_strv){ 0 };
		return;
	}
	case TT_YAML_MAP:
		tt_yaml_clear(field->sub, object);
		return;
	case TT_YAML_LIST: {
		size_t *n = (size_t *)((char *)object + field->n_offset);

		for (size_t i = 0; i < *n; i++)
			tt_yaml_clear(field->sub, *(char **)slot + i * field->sub->size);
		free(*(void **)slot);
		*(void **)slot = NULL;
		*n = 0;
		return;
	}
	default:
		return;
	}
}

void tt_yaml_clear(const struct tt_yaml_schema *schema, void *object)
{
	for (size_t i = 0; i < schema->n_fields; i++)
		clear_field(&schema->fields[i], object);
}

/* ---- documents and files */

static int walk_document(struct tt_yaml *yaml, const struct tt_yaml_schema *schema, size_t line,
			 tt_yaml_document_fn fn, void *arg)
{
	_cleanup_free_ void *object = calloc(1, schema->size);
	int r;

	if (!object)
		return -ENOMEM;
	r = schema->init ? schema->init(object) : 0;
	if (r == 0)
		r = walk_mapping(yaml, schema, object, line);
	if (r == 0)
		r = fn(yaml, object, line, arg);
	if (r < 0)
		tt_yaml_clear(schema, object);
	return r;
}

static bool is_empty_scalar(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0;
}

static int walk_stream(struct tt_yaml *yaml, const struct tt_yaml_schema *schema, tt_yaml_document_fn fn,
		       void *arg)
{
	yaml_event_t event;
	int r;

	for (;;) {
		yaml_event_type_t type;

		r = next_event(yaml, &event);
		if (r < 0)
			return r;
		type = event.type;
		switch (type) {
		case YAML_STREAM_START_EVENT:
		case YAML_STREAM_END_EVENT:
		case YAML_DOCUMENT_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_MAPPING_START_EVENT:
			r = walk_document(yaml, schema, line_of(&event), fn, arg);
			break;
		default:
			if (!is_empty_scalar(&event))
				r = tt_yaml_fail(yaml, line_of(&event), "expected %s: lines of `key: value`",
						 schema->what);
		}
		yaml_event_delete(&event);
		if (r < 0 || type == YAML_STREAM_END_EVENT)
			return r;
	}
}

/* Configuration steers a process that runs as root: what anybody may write is not configuration. */
static int check_mode(const char *path, const struct stat *st, char **ret_message)
{
	if (st->st_mode & S_IWOTH)
		return set_message(ret_message, -EPERM, "%s: anybody may write it; run: chmod o-w '%s'", path,
				   path);
	return 0;
}

static int read_file(const char *path, char **ret, size_t *ret_len, char **ret_message)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len = 0;
	ssize_t n;
	int r;

	/* O_NONBLOCK: a FIFO must not hold up the start. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		return set_message(ret_message, r, "%s: cannot open: %s", path, strerror(-r));
	}
	if (!S_ISREG(st.st_mode))
		return set_message(ret_message, -EINVAL, "%s: not a regular file", path);
	r = check_mode(path, &st, ret_message);
	if (r < 0)
		return r;
	text = malloc(FILE_BYTES_MAX + 1);
	if (!text)
		return -ENOMEM;
	while ((n = read(fd, text + len, FILE_BYTES_MAX + 1 - len)) > 0)
		len += n;
	if (n < 0) {
		r = -errno;
		return set_message(ret_message, r, "%s: cannot read: %s", path, strerror(-r));
	}
	if (len > FILE_BYTES_MAX)
		return set_message(ret_message, -EFBIG, "%s: larger than %d bytes", path, FILE_BYTES_MAX);
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

int tt_yaml_load(const char *path, const struct tt_yaml_schema *schema, tt_yaml_document_fn fn, void *arg,
		 char **ret_message)
{
	struct tt_yaml yaml = { .file = path, .ret_message = ret_message };
	int r;

	r = read_file(path, &yaml.text, &yaml.len, ret_message);
	if (r < 0)
		return r;
	if (!yaml_parser_initialize(&yaml.parser)) {
		free(yaml.text);
		return -ENOMEM;
	}
	yaml_parser_set_encoding(&yaml.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&yaml.parser, (const unsigned char *)yaml.text, yaml.len);
	r = walk_stream(&yaml, schema, fn, arg);
	yaml_parser_delete(&yaml.parser);
	free(yaml.text);
	return r;
}

static int is_config_name(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && !strcmp(entry->d_name + len - 5, ".yaml");
}

/* strcmp, not the locale's order: the same files must mean the same everywhere. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_entries(const char *dir, struct dirent **entries, int n, const struct tt_yaml_schema *schema,
			tt_yaml_document_fn fn, void *arg, char **ret_message)
{
	if (n > DIR_FILES_MAX)
		return set_message(ret_message, -E2BIG, "%s: more than %d files", dir, DIR_FILES_MAX);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;
		int r;

		if (asprintf(&path, "%s/%s", dir, entries[i]->d_name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = tt_yaml_load(path, schema, fn, arg, ret_message);
		if (r < 0)
			return r;
	}
	return 0;
}

int tt_yaml_load_dir(const char *dir, const struct tt_yaml_schema *schema, tt_yaml_document_fn fn, void *arg,
		     char **ret_message)
{
	struct dirent **entries = NULL;
	struct stat st;
	int n, r;

	if (stat(dir, &st) < 0) {
		r = -errno;
		return set_message(ret_message, r, "%s: cannot read the directory: %s", dir, strerror(-r));
	}
	if (!S_ISDIR(st.st_mode))
		return tt_yaml_load(dir, schema, fn, arg, ret_message);
	r = check_mode(dir, &st, ret_message);
	if (r < 0)
		return r;
	n = scandir(dir, &entries, is_config_name, by_name);
	if (n < 0) {
		r = -errno;
		return set_message(ret_message, r, "%s: cannot read the directory: %s", dir, strerror(-r));
	}
	r = load_entries(dir, entries, n, schema, fn, arg, ret_message);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return r;
}
