-- SPDX-License-Identifier: Apache-2.0
-- Whom an agent talks to in place of its vendor, and how that is known.

ALTER TABLE session_row ADD COLUMN gateway INTEGER;
ALTER TABLE session_row ADD COLUMN gateway_source INTEGER;
DROP VIEW session;
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
	complete,
	(SELECT text FROM string WHERE id = s.gateway) AS gateway,
	(SELECT text FROM string WHERE id = s.gateway_source) AS gateway_source
FROM session_row s;
