/* SPDX-License-Identifier: Apache-2.0 */
/* fd_swap HIDDEN DECOY TIMES: opens HIDDEN over and over while another thread keeps replacing whatever that
 * returns by DECOY (dup2), so that a look-up by descriptor may find the wrong file. Prints how often. */
#include "subject.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

static atomic_int done;
static int target, decoy;

static void *swapper(void *unused)
{
	/* The descriptor that the opener gets is always the lowest free one. */
	while (!done)
		if (dup2(decoy, target) == target)
			close(target);
	return NULL;
}

int main(int argc, char **argv)
{
	long times, opened = 0;
	pthread_t thread;

	if (argc != 4)
		die("usage: fd_swap HIDDEN DECOY TIMES");
	times = number(argv[3]);
	decoy = open(argv[2], O_RDONLY);
	if (decoy < 0)
		die("%s: %m", argv[2]);
	target = decoy + 1;
	pthread_create(&thread, NULL, swapper, NULL);
	for (long i = 0; i < times; i++) {
		int fd = open(argv[1], O_RDONLY);

		opened += fd >= 0;
		close(fd);
	}
	done = 1;
	pthread_join(thread, NULL);
	fact("pid", "%d", getpid());
	fact("opened", "%ld", opened);
	return 0;
}
