-- Operating the ledger: why jobs fail, and who did what.

-- The cause of an attempt's failure, and of a job's last one: a hash of the message without what differs from job to job. Written only when
-- an attempt fails; jobs that succeed at once have none and stand in none of these indexes.
alter table job_errors add column fingerprint TEXT;
alter table jobs add column fingerprint TEXT;
-- Failures grouped by cause, and the jobs of one cause, newest first.
create index jobs_failed on jobs (workspace_id, fingerprint, id) where fingerprint is not null;
-- When a cause was first and last seen, and what it said then.
create index job_errors_cause on job_errors (workspace_id, fingerprint, at) where fingerprint is not null;
-- The few that wait for a person, among the many that succeeded.
create index jobs_dead on jobs (workspace_id, id) where state = 'dead';

-- What people did. Append only: each row holds the hash of the one before it in its workspace.
create table audit_log (
    id             UUID primary key,
    workspace_id   UUID not null references workspaces (id),
    seq            BIGINT not null,
    at             TIMESTAMPTZ not null,
    who            TEXT not null,
    action         TEXT not null,
    target         TEXT not null,
    dry_run        BOOLEAN not null,
    affected       BIGINT,
    -- JSON, kept as text: what was hashed must come back to the letter.
    detail         TEXT not null,
    request_id     TEXT,
    previous_hash  TEXT not null,
    hash           TEXT not null,
    unique (workspace_id, seq)
);

-- The end of each workspace's chain. Its row is the lock that keeps two writers from continuing the chain from the same place.
create table audit_heads (
    workspace_id  UUID primary key references workspaces (id),
    seq           BIGINT not null,
    hash          TEXT not null
);
