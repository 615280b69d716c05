-- People whom an agency's CRM vouches for: it checks their passwords, and says who they are and when they go.

create table crm_users (
    -- As the CRM names them.
    external_id  TEXT primary key,
    -- Who they are here. Null: nobody, and `reason` says why.
    user_id      UUID unique references users (id) on delete set null,
    email        TEXT not null,
    name         TEXT,
    role         TEXT not null check (role in ('viewer', 'staff', 'agency', 'owner')),
    state        TEXT not null check (state in ('active', 'deactivated')),
    reason       TEXT,
    -- What the CRM said last, by its own count or clock: nothing older is believed.
    version      BIGINT,
    changed_at   TIMESTAMPTZ,
    -- A complete listing did not have them any more.
    absent_at    TIMESTAMPTZ,
    -- The listing that saw them last.
    seen_by      UUID,
    touched_at   TIMESTAMPTZ not null
);

-- What the CRM told by itself: kept first, done by a job. The body goes when it is done.
create table crm_events (
    id           TEXT primary key,
    body         JSONB not null,
    sent_at      TIMESTAMPTZ not null,
    received_at  TIMESTAMPTZ not null,
    done_at      TIMESTAMPTZ,
    outcome      TEXT
);
create index crm_events_received on crm_events (received_at);

-- Listings of the CRM's people, one for each job that reads them.
create table crm_syncs (
    id           UUID primary key,
    job_id       UUID not null unique,
    -- `all` also finds who is gone; `changes` reads what changed since the last one.
    scope        TEXT not null check (scope in ('all', 'changes')),
    -- `held`: more people were missing than may be, and a person has to look.
    state        TEXT not null check (state in ('running', 'done', 'held')),
    since        TIMESTAMPTZ,
    next_cursor  TEXT,
    read_all     BOOLEAN not null,
    pages        BIGINT not null,
    seen         BIGINT not null,
    changed      BIGINT not null,
    unreadable   BIGINT not null,
    missing      BIGINT not null,
    deactivated  BIGINT not null,
    started_at   TIMESTAMPTZ not null,
    ended_at     TIMESTAMPTZ
);
create index crm_syncs_started on crm_syncs (started_at);
