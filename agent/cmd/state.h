/* SPDX-License-Identifier: Apache-2.0 */
/* Where `run` keeps its database. */
#ifndef TT_CMD_STATE_H
#define TT_CMD_STATE_H

#include <sys/types.h>

/* Path of telltale.db in the state directory of a user, which is made (mode 0700) if it is missing, as that user: root
 * must not make or follow anything below a home that its owner did not. home NULL: the caller's own. malloc'd.
 * On failure *ret_message (malloc'd) says what could not be made. */
int tt_state_db(uid_t uid, gid_t gid, const char *home, char **ret_path, char **ret_message);

#endif
