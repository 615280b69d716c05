-- Contacts as people whom a workspace works with, and the leads that come of them.

alter table contacts add column locale TEXT;
alter table contacts add column time_zone TEXT;
alter table contacts add column country TEXT;
alter table contacts add column preferred_channel TEXT;
-- How the workspace came by them: 'run', 'import', 'person', 'api', 'compat'. Null: before this was remembered.
alter table contacts add column source TEXT;
-- Set while they lie in the trash.
alter table contacts add column trashed_at TIMESTAMPTZ;
-- The contact they were merged into, with which they lie in the trash.
alter table contacts add column merged_into UUID references contacts (id);
create index contacts_phone on contacts (workspace_id, phone) where phone is not null;
create index contacts_trash on contacts (workspace_id, trashed_at) where trashed_at is not null;

create table tags (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    name          TEXT not null,
    -- In one spelling, so that no tag is there twice.
    name_key      TEXT not null,
    created_at    TIMESTAMPTZ not null,
    unique (workspace_id, name_key)
);

create table contact_tags (
    workspace_id  UUID not null references workspaces (id),
    contact_id    UUID not null references contacts (id),
    tag_id        UUID not null references tags (id),
    primary key (contact_id, tag_id)
);
create index contact_tags_tag on contact_tags (workspace_id, tag_id, contact_id);

-- What a person agreed to, and when they took it back. Rows are only added: the newest of a channel holds.
create table contact_consents (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    contact_id    UUID not null references contacts (id),
    channel       TEXT not null check (channel in ('email', 'phone', 'whatsapp')),
    given         BOOLEAN not null,
    -- The words that were agreed to, where they were read, and what proves it.
    wording       TEXT not null,
    source        TEXT not null,
    proof         TEXT,
    at            TIMESTAMPTZ not null
);
create index contact_consents_contact on contact_consents (workspace_id, contact_id, channel, at);

-- What happened with a person: append only, written by the transaction of what it tells.
create table activities (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    contact_id    UUID not null references contacts (id),
    kind          TEXT not null,
    -- What it is about, such as a lead.
    subject_id    UUID,
    detail        JSONB not null,
    -- Who did it; null: Herald itself.
    who           TEXT,
    at            TIMESTAMPTZ not null
);
create index activities_contact on activities (workspace_id, contact_id, id);
create index activities_kind on activities (workspace_id, kind, at, contact_id);

-- The steps of a workspace's leads, in its own words.
create table lead_statuses (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    name          TEXT not null,
    name_key      TEXT not null,
    -- What a lead in it counts as.
    stands_for    TEXT not null check (stands_for in ('open', 'won', 'lost')),
    position      BIGINT not null,
    unique (workspace_id, name_key)
);

create table leads (
    id               UUID primary key,
    workspace_id     UUID not null references workspaces (id),
    contact_id       UUID not null references contacts (id),
    status_id        UUID not null references lead_statuses (id),
    -- What the person wants.
    need             TEXT not null,
    -- Of the person and the need, so that a second lead of both is seen.
    need_key         TEXT not null,
    -- In the smallest unit of the currency (ISO 4217).
    value_minor      BIGINT,
    currency         TEXT,
    source           TEXT,
    owner_id         UUID references users (id),
    -- When somebody speaks with them next, and the zone in which that time was chosen.
    follow_up_at     TIMESTAMPTZ,
    follow_up_zone   TEXT,
    -- Until when reminders were sent: no follow-up is told of twice.
    reminded_of      TIMESTAMPTZ,
    -- The caller's name for it: a request that comes again makes no second lead.
    key              TEXT,
    version          BIGINT not null,
    first_answer_at  TIMESTAMPTZ,
    closed_at        TIMESTAMPTZ,
    created_at       TIMESTAMPTZ not null,
    updated_at       TIMESTAMPTZ not null,
    unique (workspace_id, key)
);
create index leads_newest on leads (workspace_id, created_at, id);
create index leads_status on leads (workspace_id, status_id, id);
create index leads_contact on leads (workspace_id, contact_id, need_key);
create index leads_follow_up on leads (workspace_id, follow_up_at) where follow_up_at is not null;

create table lead_notes (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    lead_id       UUID not null references leads (id),
    text          TEXT not null,
    who           TEXT not null,
    at            TIMESTAMPTZ not null
);
create index lead_notes_lead on lead_notes (workspace_id, lead_id, id);
