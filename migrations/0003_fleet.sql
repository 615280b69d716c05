-- The fleet: which workers live, and which jobs they have taken. Like queues, these are the installation's, not a workspace's.

create table workers (
    id          UUID primary key,
    -- Host and process, for people to read.
    name        TEXT not null,
    version     TEXT not null,
    state       TEXT not null check (state in ('running', 'quiet', 'stopping')),
    -- A person asked it to take no more jobs.
    quiet_asked BOOLEAN not null,
    -- For each queue: how many jobs it runs at once, and how many may wait for it on the wire.
    queues      JSONB not null,
    running     BIGINT not null,
    started_at  TIMESTAMPTZ not null,
    seen_at     TIMESTAMPTZ not null
);
create index workers_seen on workers (seen_at);

-- Who took which attempts off the wire: one row for many jobs. It tells a job that was lost with its worker (that attempt counts) from one
-- that was lost on the wire (it does not). Old ones are pruned: a worker that lives renews its leases under its own name.
create table claims (
    id          UUID primary key,
    worker_id   UUID not null,
    jobs        JSONB not null,
    at          TIMESTAMPTZ not null
);
create index claims_at on claims (at);
