/* SPDX-License-Identifier: Apache-2.0 */
/* The questions an incident responder asks first, as SQL over the public views: also examples to start
 * from. ?1 is the optional argument; without it, it is NULL. Adding one is adding a row. */
#include "cmd/saved.h"

#include <stddef.h>

#include "util/util.h"

#define SESSION	   "[SESSION]"
#define IN_SESSION "(?1 IS NULL OR p.session_id LIKE ?1 || '%') "

static const struct tt_saved queries[] = {
	{ "timezone", SESSION, "who learned the time zone, how, and which",
	  "SELECT p.session_id, p.exe, p.pid, p.role, t.how, t.zone, t.result, t.count, t.first_ns "
	  "FROM timezone_lookup t JOIN process p ON p.process_id = t.process_id WHERE " IN_SESSION
	  "ORDER BY t.first_ns" },
	{ "credentials", SESSION, "credential files opened, changed, looked at, or looked for in vain",
	  "SELECT p.session_id, p.exe, p.pid, p.role, f.path, f.op, f.result, f.count, f.first_ns "
	  "FROM file_access f JOIN process p ON p.process_id = f.process_id "
	  "WHERE f.category = 'credential' AND " IN_SESSION "ORDER BY f.result < 0, f.first_ns" },
	{ "destinations", SESSION, "where connections went",
	  "SELECT p.session_id, c.protocol, c.address, c.port, c.hostname, c.hostname_source, c.category, "
	  "c.state, sum(c.count) AS count, count(DISTINCT c.process_id) AS processes, "
	  "min(c.first_ns) AS first_ns FROM connection c JOIN process p ON p.process_id = c.process_id "
	  "WHERE c.family <> 'unix' AND c.direction = 'out' AND " IN_SESSION
	  "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 "
	  "HAVING sum(c.count) > 0 ORDER BY first_ns" },
	{ "entrances", SESSION, "where processes listened, and who came in",
	  "SELECT p.session_id, p.exe, p.pid, c.direction, c.protocol, c.local_address, c.local_port, "
	  "c.unix_path, "
	  "c.address, c.state, c.count, c.bytes_sent, c.bytes_received, c.first_ns FROM connection c "
	  "JOIN process p ON p.process_id = c.process_id "
	  "WHERE c.direction <> 'out' AND " IN_SESSION "ORDER BY c.first_ns" },
	{ "gateways", SESSION, "API base URL and proxy variables: looked up or handed over, and their host",
	  "SELECT p.session_id, p.exe, p.pid, e.name, e.value AS host, e.present, e.source, e.category, "
	  "e.count, e.first_ns FROM env_lookup e JOIN process p ON p.process_id = e.process_id "
	  "WHERE (e.category LIKE '%proxy%' OR e.category LIKE '%url%' OR e.name LIKE '%\\_PROXY' ESCAPE "
	  "'\\' "
	  "OR e.name LIKE '%BASE\\_URL' ESCAPE '\\') AND " IN_SESSION "ORDER BY e.first_ns" },
	{ "losses", SESSION, "what was lost, and when",
	  "SELECT sensor, kind, sum(count) AS count, min(from_ns) AS from_ns, max(to_ns) AS to_ns, "
	  "session_id "
	  "FROM loss WHERE ?1 IS NULL OR session_id LIKE ?1 || '%' GROUP BY sensor, kind, session_id "
	  "ORDER BY from_ns" },
	{ "coverage", SESSION, "processes that a sensor could not see, or only in part, and why",
	  "SELECT p.session_id, p.exe, p.pid, p.role, p.coverage FROM process p "
	  "WHERE (p.coverage LIKE '%blind%' OR p.coverage LIKE '%partial%') AND " IN_SESSION
	  "ORDER BY p.started_ns" },
	{ "risk", SESSION, "processes by risk",
	  "SELECT p.session_id, r.agent, r.exe, p.pid, p.role, r.score, r.level, r.files_read, "
	  "r.credential_files, r.timezone_lookups, r.env_lookups, r.connections, r.complete "
	  "FROM risk_record r JOIN process p ON p.process_id = r.process_id "
	  "WHERE r.score > 0 AND " IN_SESSION "ORDER BY r.score DESC" },
	{ "tools", SESSION, "programs that agents ran",
	  "SELECT x.exe, sum(x.result = 0) AS runs, sum(x.result < 0) AS failed, "
	  "count(DISTINCT p.session_id) AS sessions, min(x.at_ns) AS first_ns FROM process_exec x "
	  "JOIN process p ON p.process_id = x.process_id WHERE " IN_SESSION
	  "GROUP BY x.exe ORDER BY runs DESC" },
	{ "written", SESSION, "files written, created, or changed by name",
	  "SELECT p.session_id, p.exe, p.pid, f.path, f.op, f.target, f.category, f.count, f.first_ns FROM "
	  "file_access f "
	  "JOIN process p ON p.process_id = f.process_id "
	  "WHERE f.op IN ('write', 'create', 'truncate', 'rename', 'link', 'unlink', 'chmod') AND f.result = "
	  "0 AND " IN_SESSION "ORDER BY f.first_ns" },
	{ "missing", SESSION, "what was looked for in vain, most often first",
	  "SELECT f.path, f.op, f.result, f.category, sum(f.count) AS count, "
	  "count(DISTINCT f.process_id) AS processes FROM file_access f "
	  "JOIN process p ON p.process_id = f.process_id WHERE f.result < 0 AND " IN_SESSION
	  "GROUP BY 1, 2, 3, 4 ORDER BY count DESC" },
	{ "builds", NULL, "which versions and builds of which agents ran",
	  "SELECT agent, agent_version, build_id, install_path, count(*) AS sessions, "
	  "min(started_ns) AS first_ns, max(started_ns) AS last_ns FROM session "
	  "GROUP BY agent, agent_version, build_id, install_path ORDER BY agent, last_ns DESC" },
};

const struct tt_saved *tt_saved_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		if (strcmp(queries[i].name, name) == 0)
			return &queries[i];
	return NULL;
}

const struct tt_saved *tt_saved_at(unsigned i)
{
	return i < ARRAY_SIZE(queries) ? &queries[i] : NULL;
}
