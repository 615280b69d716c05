-- What people look at: indexes that only failed jobs, cancelled jobs and acts of people pay for.

-- Failures by cause and kind, counted in the index alone.
create index jobs_causes on jobs (workspace_id, fingerprint, kind, state)
  where fingerprint is not null and state in ('ready', 'running', 'dead');
-- The few that were cancelled, among the many that succeeded.
create index jobs_cancelled on jobs (workspace_id, id) where state = 'cancelled';
-- The log by what was done, by whom, and when.
create index audit_log_action on audit_log (workspace_id, action, seq);
create index audit_log_who on audit_log (workspace_id, who, seq);
create index audit_log_at on audit_log (workspace_id, at, seq);
