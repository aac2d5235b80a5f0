-- SPDX-License-Identifier: Apache-2.0
-- Telltale's database, version 1. Tables (*_row) are private and may change with any migration; the
-- views below them are the public interface (docs/data-model.md). Views are plain SQL, so that any
-- sqlite3 reads them. Text that repeats is kept once, in `string`; rows hold its id. string.hash is
-- 32 bits made from XXH3 seeded with meta.string_seed (agent/store/intern.c): its index takes a quarter
-- of what one over the text would. No foreign keys lead to `string`: checking them would need an index
-- per column.

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES
	('string_seed', random()),	-- observed programs choose the strings: keep them from choosing collisions
	('first_free_row', 1);		-- row ids below were given out, also where retention deleted the rows

CREATE TABLE string (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX string_hash ON string (hash);

CREATE TABLE host_row (
	id INTEGER PRIMARY KEY, host_id TEXT NOT NULL UNIQUE,
	hostname TEXT, os TEXT, kernel TEXT, backend TEXT, telltale_version TEXT, boot_id TEXT);

CREATE TABLE session_row (
	id INTEGER PRIMARY KEY, session_id TEXT NOT NULL UNIQUE,
	parent_session_id TEXT, root_process_id TEXT,
	agent INTEGER, agent_name INTEGER, vendor INTEGER, agent_version INTEGER, install_path INTEGER,
	build_id INTEGER, launched_by INTEGER, tty INTEGER, user INTEGER, uid INTEGER, cwd INTEGER,
	command INTEGER, started_ns INTEGER, ended_ns INTEGER, exit_status INTEGER, process_count INTEGER,
	score REAL, level INTEGER, policy INTEGER, complete INTEGER NOT NULL);

CREATE TABLE process_row (
	id INTEGER PRIMARY KEY, process_id TEXT NOT NULL UNIQUE,
	session INTEGER NOT NULL REFERENCES session_row (id), parent_process_id TEXT,
	pid INTEGER, ppid INTEGER, uid INTEGER, exe INTEGER, argv INTEGER, cwd INTEGER, script INTEGER,
	role INTEGER, started_ns INTEGER, ended_ns INTEGER, exit_status INTEGER, mount_ns INTEGER,
	cgroup_id INTEGER, cgroup INTEGER, container_id INTEGER, coverage INTEGER);
CREATE INDEX process_session ON process_row (session, started_ns);

CREATE TABLE exec_row (
	id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process_row (id), seq INTEGER NOT NULL,
	exe INTEGER, argv INTEGER, script INTEGER, result INTEGER NOT NULL, at_ns INTEGER,
	UNIQUE (process, seq));

-- zone and how: what timezone_lookup shows; NULL in rows that are no look-up of a time zone.
CREATE TABLE file_row (
	row_id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process_row (id),
	path INTEGER NOT NULL, real_path INTEGER, op INTEGER NOT NULL, category INTEGER, target INTEGER,
	file_type INTEGER, path_source INTEGER, result INTEGER NOT NULL, count INTEGER NOT NULL,
	bytes INTEGER, first_ns INTEGER, last_ns INTEGER, dev INTEGER, ino INTEGER,
	truncated INTEGER NOT NULL, how INTEGER, zone INTEGER, revision INTEGER NOT NULL DEFAULT 1);
CREATE INDEX file_process ON file_row (process, first_ns);
CREATE INDEX file_zone ON file_row (process) WHERE how IS NOT NULL;

CREATE TABLE env_row (
	row_id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process_row (id),
	name INTEGER NOT NULL, source INTEGER NOT NULL, category INTEGER, present INTEGER,
	count INTEGER NOT NULL, first_ns INTEGER, last_ns INTEGER, value INTEGER,
	how INTEGER, zone INTEGER, revision INTEGER NOT NULL DEFAULT 1);
CREATE INDEX env_process ON env_row (process, first_ns);
CREATE INDEX env_zone ON env_row (process) WHERE how IS NOT NULL;

CREATE TABLE connection_row (
	row_id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process_row (id),
	direction INTEGER, family INTEGER, protocol INTEGER, local_address INTEGER, local_port INTEGER,
	address INTEGER, port INTEGER, unix_path INTEGER, hostname INTEGER, hostname_source INTEGER,
	hostname_confidence INTEGER, category INTEGER, state INTEGER, address_source INTEGER,
	result INTEGER NOT NULL, count INTEGER NOT NULL, duration_ns INTEGER, bytes_sent INTEGER,
	bytes_received INTEGER, first_ns INTEGER, last_ns INTEGER, revision INTEGER NOT NULL DEFAULT 1);
CREATE INDEX connection_process ON connection_row (process, first_ns);

-- Session and process by their public ids: a loss may concern one that never made it into the database.
CREATE TABLE loss_row (
	row_id INTEGER PRIMARY KEY, boot_id INTEGER, sensor INTEGER NOT NULL, kind INTEGER NOT NULL,
	count INTEGER NOT NULL, from_ns INTEGER, to_ns INTEGER, session_id TEXT, process_id TEXT,
	revision INTEGER NOT NULL DEFAULT 1);

CREATE TABLE risk_row (
	process INTEGER PRIMARY KEY REFERENCES process_row (id),
	score REAL NOT NULL, level INTEGER, reasons TEXT, complete INTEGER NOT NULL);

CREATE VIEW host AS
SELECT host_id, hostname, os, kernel, backend, telltale_version, boot_id FROM host_row;

CREATE VIEW session AS
SELECT session_id, parent_session_id,
	(SELECT text FROM string WHERE id = s.agent) AS agent,
	(SELECT text FROM string WHERE id = s.agent_name) AS agent_name,
	(SELECT text FROM string WHERE id = s.vendor) AS vendor,
	(SELECT text FROM string WHERE id = s.agent_version) AS agent_version,
	(SELECT text FROM string WHERE id = s.install_path) AS install_path,
	(SELECT text FROM string WHERE id = s.build_id) AS build_id,
	root_process_id,
	(SELECT text FROM string WHERE id = s.launched_by) AS launched_by,
	(SELECT text FROM string WHERE id = s.tty) AS tty,
	(SELECT text FROM string WHERE id = s.user) AS user,
	uid,
	(SELECT text FROM string WHERE id = s.cwd) AS cwd,
	(SELECT text FROM string WHERE id = s.command) AS command,
	started_ns, ended_ns, exit_status, process_count, score,
	(SELECT text FROM string WHERE id = s.level) AS level,
	(SELECT text FROM string WHERE id = s.policy) AS policy,
	complete
FROM session_row s;

CREATE VIEW process AS
SELECT p.process_id, s.session_id, p.parent_process_id, p.pid, p.ppid, p.uid,
	(SELECT text FROM string WHERE id = p.exe) AS exe,
	(SELECT text FROM string WHERE id = p.argv) AS argv,
	(SELECT text FROM string WHERE id = p.cwd) AS cwd,
	(SELECT text FROM string WHERE id = p.script) AS script,
	(SELECT text FROM string WHERE id = p.role) AS role,
	p.started_ns, p.ended_ns, p.exit_status, p.mount_ns, p.cgroup_id,
	(SELECT text FROM string WHERE id = p.cgroup) AS cgroup,
	(SELECT text FROM string WHERE id = p.container_id) AS container_id,
	(SELECT text FROM string WHERE id = p.coverage) AS coverage
FROM process_row p JOIN session_row s ON s.id = p.session;

CREATE VIEW process_exec AS
SELECT p.process_id, e.seq,
	(SELECT text FROM string WHERE id = e.exe) AS exe,
	(SELECT text FROM string WHERE id = e.argv) AS argv,
	(SELECT text FROM string WHERE id = e.script) AS script,
	e.result, e.at_ns
FROM exec_row e JOIN process_row p ON p.id = e.process;

CREATE VIEW file_access AS
SELECT p.process_id,
	(SELECT text FROM string WHERE id = f.path) AS path,
	(SELECT text FROM string WHERE id = f.op) AS op,
	(SELECT text FROM string WHERE id = f.category) AS category,
	f.result, f.count, f.bytes, f.first_ns, f.last_ns, f.dev, f.ino,
	(SELECT text FROM string WHERE id = f.path_source) AS path_source,
	f.truncated,
	(SELECT text FROM string WHERE id = f.real_path) AS real_path,
	(SELECT text FROM string WHERE id = f.target) AS target,
	(SELECT text FROM string WHERE id = f.file_type) AS file_type,
	f.row_id, f.revision
FROM file_row f JOIN process_row p ON p.id = f.process;

CREATE VIEW env_lookup AS
SELECT p.process_id,
	(SELECT text FROM string WHERE id = e.name) AS name,
	(SELECT text FROM string WHERE id = e.source) AS source,
	(SELECT text FROM string WHERE id = e.category) AS category,
	e.present, e.count, e.first_ns, e.last_ns,
	(SELECT text FROM string WHERE id = e.value) AS value,
	e.row_id, e.revision
FROM env_row e JOIN process_row p ON p.id = e.process;

CREATE VIEW timezone_lookup AS
SELECT p.process_id,
	(SELECT text FROM string WHERE id = f.how) AS how,
	(SELECT text FROM string WHERE id = f.zone) AS zone,
	f.count, f.first_ns, f.last_ns, f.result, 'file_access' AS source, f.row_id, f.revision
FROM file_row f JOIN process_row p ON p.id = f.process
WHERE f.how IS NOT NULL
UNION ALL
SELECT p.process_id,
	(SELECT text FROM string WHERE id = e.how),
	(SELECT text FROM string WHERE id = e.zone),
	e.count, e.first_ns, e.last_ns, 0, 'env_lookup', e.row_id, e.revision
FROM env_row e JOIN process_row p ON p.id = e.process
WHERE e.how IS NOT NULL;

CREATE VIEW connection AS
SELECT p.process_id,
	(SELECT text FROM string WHERE id = c.direction) AS direction,
	(SELECT text FROM string WHERE id = c.family) AS family,
	(SELECT text FROM string WHERE id = c.protocol) AS protocol,
	(SELECT text FROM string WHERE id = c.local_address) AS local_address,
	CASE WHEN c.local_address IS NOT NULL THEN c.local_port END AS local_port,
	(SELECT text FROM string WHERE id = c.address) AS address,
	CASE WHEN c.address IS NOT NULL THEN c.port END AS port,
	(SELECT text FROM string WHERE id = c.unix_path) AS unix_path,
	(SELECT text FROM string WHERE id = c.hostname) AS hostname,
	(SELECT text FROM string WHERE id = c.hostname_source) AS hostname_source,
	(SELECT text FROM string WHERE id = c.hostname_confidence) AS hostname_confidence,
	(SELECT text FROM string WHERE id = c.category) AS category,
	(SELECT text FROM string WHERE id = c.state) AS state,
	c.result, c.count, c.duration_ns, c.bytes_sent, c.bytes_received, c.first_ns, c.last_ns,
	(SELECT text FROM string WHERE id = c.address_source) AS address_source,
	c.row_id, c.revision
FROM connection_row c JOIN process_row p ON p.id = c.process;

-- Nothing records names asked for, or findings, yet. The views are there so that queries can be written.
CREATE VIEW name_lookup AS
SELECT NULL AS process_id, NULL AS name, NULL AS type, NULL AS source, NULL AS answers, NULL AS result,
	NULL AS count, NULL AS first_ns, NULL AS last_ns, NULL AS row_id, NULL AS revision
WHERE 0;

CREATE VIEW finding AS
SELECT NULL AS finding_id, NULL AS session_id, NULL AS process_id, NULL AS rule_id, NULL AS title,
	NULL AS level, NULL AS technique, NULL AS score, NULL AS count, NULL AS first_ns,
	NULL AS last_ns, NULL AS evidence
WHERE 0;

CREATE VIEW risk_record AS
SELECT p.process_id, s.session_id,
	(SELECT text FROM string WHERE id = s.agent) AS agent,
	(SELECT text FROM string WHERE id = p.exe) AS exe,
	r.score,
	(SELECT text FROM string WHERE id = r.level) AS level,
	r.reasons,
	(SELECT count(DISTINCT f.path) FROM file_row f WHERE f.process = p.id AND f.result = 0
		AND (SELECT text FROM string WHERE id = f.op) = 'read') AS files_read,
	(SELECT count(DISTINCT f.path) FROM file_row f WHERE f.process = p.id AND f.result = 0
		AND (SELECT text FROM string WHERE id = f.category) = 'credential') AS credential_files,
	(SELECT coalesce(sum(f.count), 0) FROM file_row f WHERE f.process = p.id AND f.how IS NOT NULL)
		+ (SELECT coalesce(sum(e.count), 0) FROM env_row e WHERE e.process = p.id AND e.how IS NOT NULL
			AND (SELECT text FROM string WHERE id = e.source) <> 'exec') AS timezone_lookups,
	(SELECT coalesce(sum(e.count), 0) FROM env_row e WHERE e.process = p.id
		AND (SELECT text FROM string WHERE id = e.source) <> 'exec') AS env_lookups,
	(SELECT coalesce(sum(c.count), 0) FROM connection_row c WHERE c.process = p.id) AS connections,
	(SELECT sum(c.bytes_sent) FROM connection_row c WHERE c.process = p.id) AS bytes_sent,
	p.started_ns AS first_ns,
	p.ended_ns AS last_ns,
	r.complete
FROM process_row p JOIN session_row s ON s.id = p.session LEFT JOIN risk_row r ON r.process = p.id;

CREATE VIEW loss AS
SELECT
	(SELECT text FROM string WHERE id = l.boot_id) AS boot_id,
	(SELECT text FROM string WHERE id = l.sensor) AS sensor,
	(SELECT text FROM string WHERE id = l.kind) AS kind,
	count, from_ns, to_ns, session_id, process_id, row_id, revision
FROM loss_row l;
