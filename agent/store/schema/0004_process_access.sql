-- SPDX-License-Identifier: Apache-2.0
-- Whose environment or memory was opened below /proc. A row belongs to the file_row of its number.

CREATE TABLE access_row (
	row_id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process_row (id),
	what INTEGER NOT NULL, of_process_id TEXT, of_pid INTEGER, of_exe INTEGER);
CREATE INDEX access_process ON access_row (process);

CREATE VIEW process_access AS
SELECT p.process_id,
	(SELECT text FROM string WHERE id = a.what) AS what,
	a.of_process_id, a.of_pid,
	(SELECT text FROM string WHERE id = a.of_exe) AS of_exe,
	(SELECT text FROM string WHERE id = f.op) AS op,
	f.result, f.count, f.first_ns, f.last_ns, f.row_id, f.revision
FROM access_row a JOIN process_row p ON p.id = a.process JOIN file_row f ON f.row_id = a.row_id;

DROP VIEW env_lookup;
CREATE VIEW env_lookup AS
SELECT p.process_id,
	(SELECT text FROM string WHERE id = e.name) AS name,
	(SELECT text FROM string WHERE id = e.source) AS source,
	(SELECT text FROM string WHERE id = e.category) AS category,
	e.present, e.count, e.first_ns, e.last_ns,
	(SELECT text FROM string WHERE id = e.value) AS value,
	NULL AS of_process_id, NULL AS of_exe,
	e.row_id, e.revision
FROM env_row e JOIN process_row p ON p.id = e.process
UNION ALL
SELECT p.process_id, '*', 'environ',
	(SELECT text FROM string WHERE id = f.category),
	NULL, f.count, f.first_ns, f.last_ns, NULL, a.of_process_id,
	(SELECT text FROM string WHERE id = a.of_exe),
	f.row_id, f.revision
FROM access_row a JOIN process_row p ON p.id = a.process JOIN file_row f ON f.row_id = a.row_id
WHERE f.result = 0 AND (SELECT text FROM string WHERE id = a.what) = 'environ';
