/* SPDX-License-Identifier: Apache-2.0 */
/* Where a database may live, and the lock that makes its writer the only one. Private to store/.
 *
 * A root process writes there, so nobody else may be able to swap the files under it:
 *   - neither the database nor its -wal, -shm, -journal and .lock may be symbolic links (SQLite opens
 *     all of them with O_NOFOLLOW, too), have other hard links, or belong to a stranger;
 *   - the directory belongs to us or to root, and nobody else may write in it, unless it is sticky;
 *     its owner's private group (gid equal to uid) counts as the owner;
 *   - root in another user's directory files under that user's identity (setfsuid), so that a
 *     directory swapped behind our back leads nowhere where the user could not have written himself.
 *     That user can still damage or forge his own database: it is evidence against accidents and
 *     agents, not against the owner. The daemon's database is in a directory of root's. */
#ifndef TT_STORE_PLACE_H
#define TT_STORE_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

struct tt_place {
	char *path; /* the directory's real path, and the file's name */
	int lock_fd;
	bool foreign; /* act as uid, gid while files are opened or removed */
	uid_t uid;
	gid_t gid;
};

/* Checks the place, takes the lock FILE.lock, and creates an empty FILE (mode 0600) if there is none.
 * The lock goes with its holder, a stale file never blocks. Errors as tt_store_open. */
int tt_place_take(const char *path, struct tt_place *ret, char **ret_message);
void tt_place_release(struct tt_place *place);

/* Take on, and drop, the identity that files are opened with. Per thread. */
void tt_place_enter(const struct tt_place *place);
void tt_place_leave(const struct tt_place *place);

#endif
