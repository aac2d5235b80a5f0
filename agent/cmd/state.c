/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/state.h"

#include <errno.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "util/util.h"

static int make_directories(char *path)
{
	for (char *slash = path + 1;; slash++) {
		char c = *slash;

		if (c != '/' && c != '\0')
			continue;
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return -errno;
		if (c == '\0')
			return 0;
		*slash = '/';
	}
}

int tt_state_db(uid_t uid, gid_t gid, const char *home, char **ret_path, char **ret_message)
{
	_cleanup_free_ char *directory = NULL;
	int r;

	if (!home)
		directory = tt_cmd_state_dir();
	else if (asprintf(&directory, "%s/.local/state/telltale", home) < 0)
		directory = NULL;
	if (!directory) {
		*ret_message = strdup("no place for the database: HOME is not set; name one with --db FILE");
		return -ENOENT;
	}
	setfsgid(gid);
	setfsuid(uid);
	r = make_directories(directory);
	setfsuid(geteuid());
	setfsgid(getegid());
	if (r < 0) {
		if (asprintf(ret_message, "cannot make %s: %s; name another place with --db FILE", directory,
			     strerror(-r)) < 0)
			*ret_message = NULL;
		return r;
	}
	return asprintf(ret_path, "%s/telltale.db", directory) < 0 ? -ENOMEM : 0;
}
