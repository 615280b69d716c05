-- Limits and fairness: queues get limits, jobs get lanes, an expiry and open hours, batches more to be told.

-- What a queue may do, for the whole fleet. Null means no limit.
alter table queues add column rate BIGINT;
alter table queues add column rate_seconds BIGINT not null default 1;
alter table queues add column burst BIGINT;
alter table queues add column concurrency BIGINT;
-- Jobs at once for each limit key, such as one host or one account, where the key has no row of its own.
alter table queues add column key_concurrency BIGINT;
-- Up to when the rate is used up (the "theoretical arrival time" of the generic cell rate algorithm).
alter table queues add column paced_until TIMESTAMPTZ;
-- A provider asked for patience: nothing is dispatched before.
alter table queues add column blocked_until TIMESTAMPTZ;
alter table queues add column blocked_reason TEXT;

-- The same for one key of a queue.
create table queue_keys (
    queue           TEXT not null,
    limit_key       TEXT not null,
    concurrency     BIGINT,
    blocked_until   TIMESTAMPTZ,
    blocked_reason  TEXT,
    updated_at      TIMESTAMPTZ not null,
    primary key (queue, limit_key)
);

alter table jobs add column limit_key TEXT;
-- Which of the workspace's lanes it waits in: made of its limit key and its batch.
alter table jobs add column lane BIGINT not null default 0;
-- What it takes from its queue's rate.
alter table jobs add column cost BIGINT not null default 1;
-- Not after; dropped instead.
alter table jobs add column expires_at TIMESTAMPTZ;
-- Only in these hours of the recipient's day.
alter table jobs add column open_hours JSONB;
-- Its unique key is free again as soon as it is leased.
alter table jobs add column key_until_start BOOLEAN not null default false;

drop index jobs_ready;
-- What dispatch reads: one lane per queue, workspace, lane and priority, oldest due first.
create index jobs_ready on jobs (queue, workspace_id, lane, priority, run_at) where state = 'ready';
drop index jobs_leased;
-- What rescue reads, and what counts against a queue's concurrency.
create index jobs_running on jobs (queue, lease_until) where state = 'running';
drop index jobs_batch;
-- What cancelling and retrying a large batch read, chunk by chunk.
create index jobs_batch on jobs (batch_id, state) where batch_id is not null;
create index jobs_expiring on jobs (expires_at) where state = 'ready' and expires_at is not null;

-- Keys that stay taken for a time, whatever became of their job.
create table throttles (
    workspace_id  UUID not null,
    unique_key    TEXT not null,
    job_id        UUID not null,
    until         TIMESTAMPTZ not null,
    primary key (workspace_id, unique_key)
);
create index throttles_until on throttles (until);

alter table batches add column on_success JSONB;
alter table batches add column on_first_death JSONB;
alter table batches add column death_told BOOLEAN not null default false;
-- Cancelled, and some of its waiting jobs still have to be told.
alter table batches add column sweeping BOOLEAN not null default false;
create index batches_sweeping on batches (id) where sweeping;
