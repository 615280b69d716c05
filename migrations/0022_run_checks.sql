-- What a list would do, found before its run starts: kept for a day, with its files, and then removed by a job.

create table run_checks (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    -- What the run would be: event, template, numbers and options.
    plan          JSONB not null,
    source        JSONB not null,
    report        JSONB not null,
    -- The size of its files.
    bytes         BIGINT not null,
    -- The run that was started from it.
    run_id        UUID references invitation_runs (id),
    created_at    TIMESTAMPTZ not null,
    expires_at    TIMESTAMPTZ not null
);
create index run_checks_recent on run_checks (workspace_id, created_at);

-- What failed invitations have in common: the fingerprint of their reason. Null: failed before this was remembered.
alter table invitations add column cause TEXT;
create index invitations_failed on invitations (run_id, cause) where state = 'failed';
create index run_guests_invitation on run_guests (invitation_id);
create index invitation_runs_template on invitation_runs (template_id, id);
