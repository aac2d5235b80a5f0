/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as each kind of configuration file: loaded or refused with a message, never a crash or leak. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "config/config.h"
#include "util/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct tt_config_categories *categories = NULL;
	struct tt_config_agents *agents = NULL;
	struct tt_config_risk *risk = NULL;
	struct tt_config *config = NULL;
	char path[64], *message[4] = { 0 };

	/* A memfd begins writable for everybody, which loaders refuse. */
	if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (tt_config_load(path, &config, &message[0]) < 0 && !message[0])
		abort();
	if (tt_config_load_agents(path, &agents, &message[1]) < 0 && !message[1])
		abort();
	if (tt_config_load_categories(path, &categories, &message[2]) < 0 && !message[2])
		abort();
	if (tt_config_load_risk(path, &risk, &message[3]) < 0 && !message[3])
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(message); i++)
		free(message[i]);
	tt_config_free(config);
	tt_config_agents_free(agents);
	tt_config_categories_free(categories);
	tt_config_risk_free(risk);
	return 0;
}
