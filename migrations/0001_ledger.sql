-- The ledger: jobs and what surrounds them. Portable SQL: the same file runs on PostgreSQL and SQLite.
-- Queues are the fleet's, not a workspace's; every other table names its workspace.

create table workspaces (
    id          UUID primary key,
    slug        TEXT not null unique,
    name        TEXT not null,
    created_at  TIMESTAMPTZ not null
);

create table queues (
    name        TEXT primary key,
    paused      BOOLEAN not null,
    updated_at  TIMESTAMPTZ not null
);

create table batches (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    name          TEXT not null,
    state         TEXT not null check (state in ('running', 'complete', 'cancelled')),
    total         BIGINT not null,
    succeeded     BIGINT not null,
    dead          BIGINT not null,
    cancelled     BIGINT not null,
    on_complete   JSONB,
    created_at    TIMESTAMPTZ not null,
    finished_at   TIMESTAMPTZ,
    check (succeeded + dead + cancelled <= total)
);

-- No foreign keys from jobs: they are written by the hundred thousand a second, and what they point to is checked when they are made.
create table jobs (
    id                UUID primary key,
    workspace_id      UUID not null,
    kind              TEXT not null,
    queue             TEXT not null,
    args              JSONB not null,
    state             TEXT not null check (state in ('ready', 'running', 'succeeded', 'dead', 'cancelled')),
    priority          BIGINT not null,
    attempt           BIGINT not null,
    max_attempts      BIGINT not null,
    run_at            TIMESTAMPTZ not null,
    lease_until       TIMESTAMPTZ,
    worker            TEXT,
    unique_key        TEXT,
    batch_id          UUID,
    traceparent       TEXT,
    cancel_requested  BOOLEAN not null,
    progress          JSONB,
    result            JSONB,
    created_at        TIMESTAMPTZ not null,
    started_at        TIMESTAMPTZ,
    finished_at       TIMESTAMPTZ
);

-- What dispatch reads: one lane per queue, workspace and priority, oldest due first.
create index jobs_ready on jobs (queue, workspace_id, priority, run_at) where state = 'ready';
-- What rescue reads.
create index jobs_leased on jobs (lease_until) where state = 'running';
create unique index jobs_unique on jobs (workspace_id, unique_key) where unique_key is not null and state in ('ready', 'running');
create index jobs_batch on jobs (batch_id) where batch_id is not null;
-- What retention and the lists of finished work read.
create index jobs_finished on jobs (finished_at) where finished_at is not null;

create table job_errors (
    id            UUID primary key,
    workspace_id  UUID not null,
    job_id        UUID not null,
    attempt       BIGINT not null,
    message       TEXT not null,
    at            TIMESTAMPTZ not null
);
create index job_errors_job on job_errors (job_id);

-- What retention removed, so that counts survive it.
create table job_counts (
    workspace_id  UUID not null,
    day           TEXT not null,
    kind          TEXT not null,
    state         TEXT not null,
    jobs          BIGINT not null,
    primary key (workspace_id, day, kind, state)
);
