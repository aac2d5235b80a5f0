/* SPDX-License-Identifier: Apache-2.0 */
/* exec_thread PROGRAM [ARGUMENT...]: executes PROGRAM from a thread that is not the leader. */
#include "subject.h"

#include <pthread.h>

static void *executes(void *argv)
{
	execv(((char **)argv)[0], argv);
	die("exec: %m");
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 2)
		die("usage: exec_thread PROGRAM [ARGUMENT...]");
	fact("pid", "%d", getpid());
	fflush(stdout);
	pthread_create(&thread, NULL, executes, argv + 1);
	pause();
	return 2;
}
