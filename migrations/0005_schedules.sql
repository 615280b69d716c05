-- Schedules: jobs that come again by the calendar. Any number of schedulers fire them: whoever moves `next_run` on puts the job in the ledger.

create table schedules (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    name          TEXT not null,
    cron          TEXT not null,
    -- An IANA name, such as Europe/Madrid.
    time_zone     TEXT not null,
    kind          TEXT not null,
    args          JSONB not null,
    paused        BOOLEAN not null,
    -- What becomes of ticks that nobody fired in time.
    missed        TEXT not null check (missed in ('skip', 'once', 'all')),
    -- Whether a tick fires while the job of the one before is not finished.
    overlap       TEXT not null check (overlap in ('allow', 'skip')),
    -- The tick that fires next; null when none is known to come.
    next_run      TIMESTAMPTZ,
    last_run      TIMESTAMPTZ,
    last_job_id   UUID,
    -- Why the last tick made no job, if it could not.
    last_error    TEXT,
    -- Counted up by each firing and each change, so that neither overwrites the other.
    revision      BIGINT not null,
    created_at    TIMESTAMPTZ not null,
    updated_at    TIMESTAMPTZ not null,
    unique (workspace_id, name)
);

-- What the schedulers read.
create index schedules_due on schedules (next_run) where paused = false;
