/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as a command line, NUL between arguments; the first byte chooses the options. */
#include "process/redact.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define ARGS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *binaries[] = { (char *)"gemini", (char *)"goose?" },
		    *options[] = { (char *)"-p", (char *)"*" };
	static char *packages[] = { (char *)"@google/gemini-cli" };
	static const struct tt_config_agent agent = {
		.binaries = { binaries, 2 },
		.packages = { packages, 1 },
		.prompt_args = { options, 2 },
	};
	const char *argv[ARGS_MAX + 1] = { NULL };
	size_t n = 0;
	char *text, *json;

	if (!size)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	for (size_t at = 0; at < size && n < ARGS_MAX; at += strlen(text + at) + 1)
		argv[n++] = text + at;

	json = tt_redact(data[0] & 1 ? &agent : NULL, &agent, data[0] >> 1 & 1, argv, data[0] & 4);
	if (!json || json[0] != '[')
		abort();
	free(json);
	free(text);
	return 0;
}
