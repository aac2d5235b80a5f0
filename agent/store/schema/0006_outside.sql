-- SPDX-License-Identifier: Apache-2.0
-- What a file of another root or mount namespace is called on the host.

ALTER TABLE file_row ADD COLUMN host_path INTEGER;
DROP VIEW file_access;
CREATE VIEW file_access AS
SELECT p.process_id,
	(SELECT text FROM string WHERE id = f.path) AS path,
	(SELECT text FROM string WHERE id = f.op) AS op,
	(SELECT text FROM string WHERE id = f.category) AS category,
	f.result, f.count, f.bytes, f.first_ns, f.last_ns, f.dev, f.ino,
	(SELECT text FROM string WHERE id = f.path_source) AS path_source,
	f.truncated,
	(SELECT text FROM string WHERE id = f.real_path) AS real_path,
	(SELECT text FROM string WHERE id = f.host_path) AS host_path,
	(SELECT text FROM string WHERE id = f.target) AS target,
	(SELECT text FROM string WHERE id = f.file_type) AS file_type,
	f.row_id, f.revision
FROM file_row f JOIN process_row p ON p.id = f.process;

ALTER TABLE process_row ADD COLUMN host_exe INTEGER;
DROP VIEW process;
CREATE VIEW process AS
SELECT p.process_id, s.session_id, p.parent_process_id, p.pid, p.ppid, p.uid,
	(SELECT text FROM string WHERE id = p.exe) AS exe,
	(SELECT text FROM string WHERE id = p.host_exe) AS host_exe,
	(SELECT text FROM string WHERE id = p.argv) AS argv,
	(SELECT text FROM string WHERE id = p.cwd) AS cwd,
	(SELECT text FROM string WHERE id = p.script) AS script,
	(SELECT text FROM string WHERE id = p.role) AS role,
	p.started_ns, p.ended_ns, p.exit_status, p.mount_ns, p.cgroup_id,
	(SELECT text FROM string WHERE id = p.cgroup) AS cgroup,
	(SELECT text FROM string WHERE id = p.container_id) AS container_id,
	(SELECT text FROM string WHERE id = p.coverage) AS coverage
FROM process_row p JOIN session_row s ON s.id = p.session;
