-- SPDX-License-Identifier: Apache-2.0
-- A file that was only looked at has not been touched; an environment that was read as a file is a look-up; a socket that listens
-- is no connection.

DROP VIEW risk_record;
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
		AND (SELECT text FROM string WHERE id = f.category) = 'credential'
		AND (SELECT text FROM string WHERE id = f.op) NOT IN ('stat', 'list')) AS credential_files,
	(SELECT coalesce(sum(f.count), 0) FROM file_row f WHERE f.process = p.id AND f.how IS NOT NULL)
		+ (SELECT coalesce(sum(e.count), 0) FROM env_row e WHERE e.process = p.id AND e.how IS NOT NULL
			AND (SELECT text FROM string WHERE id = e.source) <> 'exec') AS timezone_lookups,
	(SELECT coalesce(sum(e.count), 0) FROM env_row e WHERE e.process = p.id
		AND (SELECT text FROM string WHERE id = e.source) <> 'exec')
		+ (SELECT coalesce(sum(f.count), 0) FROM access_row a JOIN file_row f ON f.row_id = a.row_id
			WHERE a.process = p.id AND f.result = 0
			AND (SELECT text FROM string WHERE id = a.what) = 'environ') AS env_lookups,
	(SELECT coalesce(sum(c.count), 0) FROM connection_row c WHERE c.process = p.id
		AND (SELECT text FROM string WHERE id = c.direction) <> 'listen') AS connections,
	(SELECT sum(c.bytes_sent) FROM connection_row c WHERE c.process = p.id) AS bytes_sent,
	p.started_ns AS first_ns,
	p.ended_ns AS last_ns,
	r.complete
FROM process_row p JOIN session_row s ON s.id = p.session LEFT JOIN risk_row r ON r.process = p.id;
