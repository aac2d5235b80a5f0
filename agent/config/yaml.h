/* SPDX-License-Identifier: Apache-2.0 */
/* Table-driven YAML reading, private to agent/config: a schema says which keys an object has and where
 * each value goes; the walker does the rest, for every kind of configuration file.
 *
 * Refuses what a configuration file does not need and an attacker could use: aliases, control
 * characters, documents deeper than their schema, long lists, large files, files that anybody may write. */
#ifndef TT_CONFIG_YAML_H
#define TT_CONFIG_YAML_H

#include <stdint.h>

#include "util/util.h"

enum tt_yaml_type {
	TT_YAML_STRING, /* char * */
	TT_YAML_PATH, /* char *, absolute */
	TT_YAML_STRV, /* struct tt_strv: a list, or one scalar */
	TT_YAML_BOOL, /* bool: true or false */
	TT_YAML_WORD, /* char *, one of words */
	TT_YAML_ENUM, /* int: position in words */
	TT_YAML_LETTER, /* char: first letter of one of words */
	TT_YAML_INT, /* int */
	TT_YAML_COUNT, /* uint32_t */
	TT_YAML_BYTES32, /* uint32_t, a size with unit: 16MiB */
	TT_YAML_BYTES64, /* int64_t */
	TT_YAML_MIB, /* uint32_t, a size with unit, kept in MiB */
	TT_YAML_NS, /* int64_t, a duration with unit: 30d */
	TT_YAML_MS, /* uint32_t, a duration with unit, kept in ms */
	TT_YAML_DOUBLE, /* double, not negative */
	TT_YAML_MAP, /* keys of the same object one level down */
	TT_YAML_LIST, /* T *, with size_t at n_offset: a list of objects */
};

struct tt_yaml;
struct tt_yaml_schema;

struct tt_yaml_field {
	const char *key;
	enum tt_yaml_type type;
	size_t offset;
	bool required;
	const char *const *words; /* NULL-terminated; WORD, ENUM, LETTER */
	int64_t min,
		max; /* of numbers, in the unit kept; max 0: as large as the type. With min 0 also `off` */
	const struct tt_yaml_schema *sub; /* MAP, LIST */
	size_t n_offset; /* LIST */
};

/* One row of a field table: key, type, where it goes, then any further members as .name = value. */
#define TT_YAML_FIELD(KEY, TYPE, OBJECT, MEMBER, ...)                                                        \
	{                                                                                                    \
		.key = KEY, .type = TT_YAML_##TYPE, .offset = offsetof(OBJECT, MEMBER), __VA_ARGS__          \
	}

struct tt_yaml_schema {
	const char *what; /* "an agent": for messages */
	const struct tt_yaml_field *fields;
	size_t n_fields; /* at most 64 */
	size_t size; /* of the object; 0 for a MAP, which has none of its own */
	int (*init)(void *object); /* fills in defaults; may be NULL */
	/* Called when all keys are read; line is where the object starts. May be NULL. */
	int (*check)(struct tt_yaml *yaml, void *object, size_t line);
};

/* Called with each document. Returning 0 takes what the object owns; otherwise it is cleared. */
typedef int (*tt_yaml_document_fn)(struct tt_yaml *yaml, void *object, size_t line, void *arg);

/* Reads one file of any number of documents; empty ones are skipped.
 * -ENOENT, -EACCES, -EFBIG, -EPERM (anybody may write it), -EINVAL (content), -ENOMEM. */
int tt_yaml_load(const char *path, const struct tt_yaml_schema *schema, tt_yaml_document_fn fn, void *arg,
		 char **ret_message);
/* The same for each visible *.yaml of a directory, sorted by name; or for one file, when it is one. */
int tt_yaml_load_dir(const char *dir, const struct tt_yaml_schema *schema, tt_yaml_document_fn fn, void *arg,
		     char **ret_message);

const char *tt_yaml_file(const struct tt_yaml *yaml);
/* Sets the message "FILE:LINE: ..." and returns -EINVAL. */
int tt_yaml_fail(struct tt_yaml *yaml, size_t line, const char *format, ...) _printf_(3, 4);

/* Frees everything that schema's fields own in object, not object itself. */
void tt_yaml_clear(const struct tt_yaml_schema *schema, void *object);

#endif
