/* SPDX-License-Identifier: Apache-2.0 */
/* Identification: is this exec a coding agent, and which build of it?
 *
 * Looks at the whole picture of one exec: executed path, interpreter, argv, script, nearest
 * package.json, ELF build id. Reads files only through procfs.c. Answers are cached by executable
 * (dev, ino, size, names) and script (path, dev, ino, size, time). docs/agents.md explains the rules. */
#ifndef TT_PROCESS_IDENTIFY_H
#define TT_PROCESS_IDENTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "process/redact.h"
#include "telltale/maps.h"

struct tt_config_agents;
struct tt_config_agent;
struct tt_config_runtime;
struct tt_procfs;
struct tt_identify;

struct tt_exec_facts {
	uint32_t pid;
	const char *exe; /* file now running, absolute */
	uint32_t exe_dev;
	uint64_t exe_ino, exe_size;
	const char *filename; /* as given to execve */
	const char *interp; /* of a #! line, or NULL */
	const char *cwd;
	const char *const *argv; /* NULL-terminated */
	const char *const *env_names; /* NULL-terminated, or NULL */
	bool running; /* found running: read /proc, not an exec record */
};

struct tt_identity {
	const struct tt_config_agent *agent; /* NULL: not an agent */
	const struct tt_config_runtime *runtime; /* the interpreter, NULL when native */
	char *version; /* NULL unknown */
	char *install_path; /* package directory, or the native file */
	char *build_id; /* hex: ELF build id ":" size for native; hash of package name, version and main file for scripts */
	char *script; /* script the interpreter runs, absolute; NULL when none */
	const char *how; /* package path python binary build-id marker title editor; NULL without agent */
};

int tt_identify_new(const struct tt_config_agents *config, struct tt_procfs *fs, struct tt_identify **ret);
void tt_identify_free(struct tt_identify *id);

/* 0 with ret->agent NULL when it is none. An editor's windows and helpers are none; its extension hosts and
 * terminals are. An Electron program (runtime kind electron) that is none may be a host of extensions, which
 * the files it opens tell (tt_identify_extension). *ret is filled (tt_identity_done it). script, runtime and
 * build_id are filled also where there is no agent, as far as known. */
int tt_identify_exec(struct tt_identify *id, const struct tt_exec_facts *facts, struct tt_identity *ret);
void tt_identity_done(struct tt_identity *identity);

/* An opened file's path that gives an editor's extension host away; NULL if it does not. *ret_version
 * (malloc'd) from the directory name. */
const struct tt_config_agent *tt_identify_extension(struct tt_identify *id, const char *path,
						    char **ret_version, char **ret_install_path);

/* Remembers a build of an agent, so that a renamed copy is recognised (build_id as in tt_identity). Builds of
 * which that would be unsafe are passed over: without a version (the name was the only evidence), or native
 * and smaller than any agent (a stand-in, a copy of a shell). tt_identify_exec remembers what it finds itself. */
int tt_identify_learn(struct tt_identify *id, const char *agent_id, const char *version,
		      const char *build_id);

/* Names the kernel is to treat as candidates: binaries, launchers and runtimes. fn is called once per name
 * (no duplicates; runtime patterns such as python3* are expanded to the names that exist). */
int tt_identify_candidates(struct tt_identify *id, int (*fn)(const struct tt_candidate_key *key, void *arg),
			   void *arg);

/* tt_redact (redact.h) with every agent's prompt options: agent is the one that this process is, or NULL; the
 * others' options hold behind a word that names them (`npx gemini -p ...`, `sh -c "claude -p ..."`). */
char *tt_identify_redact(const struct tt_identify *id, const struct tt_config_agent *agent,
			 const char *const *argv, bool truncated);

#endif
