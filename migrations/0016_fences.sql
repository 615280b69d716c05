-- Schedules know in whose name they start their jobs, and stop when a job kills who runs it.

-- As the audit log names them. Null: made before this was remembered; it counts as the workspace's staff.
alter table schedules add column made_by TEXT;
-- Attempts of its jobs in a row that were lost with the process that ran them, and the last one of them: `job:attempt`.
alter table schedules add column lost BIGINT not null default 0;
alter table schedules add column lost_key TEXT;

-- What a provider told by webhook, as a SHA-256 of what names it: the same once more changes nothing. Kept for some days.
create table webhook_deliveries (
    workspace_id   UUID not null references workspaces (id),
    connection_id  UUID not null references connections (id) on delete cascade,
    digest         TEXT not null,
    received_at    TIMESTAMPTZ not null,
    primary key (workspace_id, connection_id, digest)
);
create index webhook_deliveries_received on webhook_deliveries (received_at);

-- What a workspace has uploaded, once for each content, for its quota. What was there before counts as nothing.
create table stored_uploads (
    workspace_id  UUID not null references workspaces (id),
    sha256        TEXT not null,
    bytes         BIGINT not null,
    stored_at     TIMESTAMPTZ not null,
    primary key (workspace_id, sha256)
);
