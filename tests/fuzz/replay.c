/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as a recording. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sensor/sensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(const struct tt_event *event, void *arg)
{
	++*(uint64_t *)arg;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tt_sensor_params params;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct tt_sensor *sensor = NULL;
	uint64_t got = 0, before;
	char *message = NULL;
	char path[64];
	int r;

	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, size) == (ssize_t)size) {
		r = tt_sensor_replay_new(path, &params, &sensor, &message);
		if (r == 0 ? message != NULL : !message || sensor)
			abort();
		do {
			before = got;
			if (r == 0 && (sensor->ops->poll(sensor, take, &got) != 0 ||
				       sensor->ops->sweep(sensor, false, take, &got) != 0))
				abort();
		} while (got != before);
		if (sensor && sensor->stats.delivered != got)
			abort();
		tt_sensor_free(sensor);
	}
	free(message);
	close(fd);
	return 0;
}
