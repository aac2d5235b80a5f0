/* SPDX-License-Identifier: Apache-2.0 */
/* Takes secrets and prompts out of a command line before anything keeps it. */
#ifndef TT_PROCESS_REDACT_H
#define TT_PROCESS_REDACT_H

#include <stdbool.h>
#include <stddef.h>

struct tt_config_agent;

/* argv as JSON with secrets and prompts replaced: values of options that look like credentials
 * (--api-key X, --token=X, Authorization headers, user:password@ in URLs, known key prefixes) become
 * "<redacted>", prompts "<prompt: N characters>". malloc'd, NULL without memory. Invalid UTF-8 bytes become
 * U+FFFD. truncated: argv was cut, perhaps within its last string; "<truncated>" is added as the last element,
 * and what may be the beginning of a secret or prompt goes as well.
 *
 * Prompt options (prompt_args) count for agent from the word on that names it (a binary, npm package or Python
 * module: `npx gemini -p ...`), else from behind the interpreter's script. For the n others they count only
 * from such a word, also inside a `sh -c` string. agent may be NULL, others may be NULL when n is 0. */
char *tt_redact(const struct tt_config_agent *agent, const struct tt_config_agent *others, size_t n,
		const char *const *argv, bool truncated);

/* tt_redact for one agent, or NULL: secrets only. */
char *tt_redact_argv(const struct tt_config_agent *agent, const char *const *argv, bool truncated);

#endif
