-- SPDX-License-Identifier: Apache-2.0
-- Names that processes asked for.

CREATE TABLE name_row (
	row_id INTEGER PRIMARY KEY, process INTEGER NOT NULL REFERENCES process_row (id),
	name INTEGER NOT NULL, type INTEGER, source INTEGER NOT NULL, answers INTEGER, result INTEGER,
	count INTEGER NOT NULL, first_ns INTEGER, last_ns INTEGER, revision INTEGER NOT NULL DEFAULT 1);
CREATE INDEX name_process ON name_row (process, first_ns);

DROP VIEW name_lookup;
CREATE VIEW name_lookup AS
SELECT p.process_id,
	(SELECT text FROM string WHERE id = n.name) AS name,
	(SELECT text FROM string WHERE id = n.type) AS type,
	(SELECT text FROM string WHERE id = n.source) AS source,
	(SELECT text FROM string WHERE id = n.answers) AS answers,
	n.result, n.count, n.first_ns, n.last_ns, n.row_id, n.revision
FROM name_row n JOIN process_row p ON p.id = n.process;

-- What a connection was called where that differs: [{"name", "source"}, ...].
ALTER TABLE connection_row ADD COLUMN names INTEGER;
DROP VIEW connection;
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
	(SELECT text FROM string WHERE id = c.names) AS names,
	(SELECT text FROM string WHERE id = c.category) AS category,
	(SELECT text FROM string WHERE id = c.state) AS state,
	c.result, c.count, c.duration_ns, c.bytes_sent, c.bytes_received, c.first_ns, c.last_ns,
	(SELECT text FROM string WHERE id = c.address_source) AS address_source,
	c.row_id, c.revision
FROM connection_row c JOIN process_row p ON p.id = c.process;
