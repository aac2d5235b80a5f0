/* SPDX-License-Identifier: Apache-2.0 */
/* env_uv NAME [TIMES]: looks a variable up as Node does: an exported uv_os_getenv that calls getenv inside. */
#include "subject.h"

__attribute__((noinline, visibility("default"))) int uv_os_getenv(const char *name, char *buffer,
								  size_t *size);

int uv_os_getenv(const char *name, char *buffer, size_t *size)
{
	const char *value = getenv(name);

	if (!value)
		return -ENOENT;
	snprintf(buffer, *size, "%s", value);
	return 0;
}

int main(int argc, char **argv)
{
	long times = argc > 2 ? number(argv[2]) : 1;
	int result = 0;
	char buffer[256];

	if (argc < 2)
		die("usage: env_uv NAME [TIMES]");
	for (long i = 0; i < times; i++) {
		size_t size = sizeof(buffer);

		result = uv_os_getenv(argv[1], buffer, &size);
	}
	fact("present", "%d", result == 0);
	fact("pid", "%d", getpid());
	return 0;
}
