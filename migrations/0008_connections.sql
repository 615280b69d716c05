-- Outside accounts, and what is where in them.

-- An account of a workspace with a provider. What is secret in it is sealed with the installation's key; nothing returns it.
create table connections (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    name          TEXT not null,
    provider      TEXT not null check (provider in ('google', 'mautic', 's3')),
    settings      JSONB not null,
    secret        BYTEA not null,
    -- `broken`: it needs a person; `reason` says why and what to do.
    state         TEXT not null check (state in ('ok', 'broken')),
    reason        TEXT,
    -- Of settings and secret: a process that holds an older one reads them anew.
    version       BIGINT not null,
    created_at    TIMESTAMPTZ not null,
    updated_at    TIMESTAMPTZ not null,
    unique (workspace_id, name)
);

-- A consent that was asked for and not yet given: its `state` as a hash, and, sealed, what finishes it.
create table consents (
    state_hash     TEXT primary key,
    workspace_id   UUID not null references workspaces (id),
    connection_id  UUID not null references connections (id) on delete cascade,
    secret         BYTEA not null,
    expires_at     TIMESTAMPTZ not null
);

-- File ids that a provider gave us beforehand, so that a file sent twice is one file.
create table reserved_ids (
    connection_id  UUID not null references connections (id) on delete cascade,
    remote_id      TEXT not null,
    primary key (connection_id, remote_id)
);

-- The folder of an event with a provider: one, however many workers need it at once.
create table event_folders (
    event_id       UUID not null references events (id),
    connection_id  UUID not null references connections (id) on delete cascade,
    parent         TEXT not null,
    workspace_id   UUID not null,
    remote_id      TEXT not null,
    -- It is there, and everybody with a link may read what is in it (or each file needs a permission of its own).
    ready          BOOLEAN not null,
    share_each     BOOLEAN not null,
    updated_at     TIMESTAMPTZ not null,
    primary key (event_id, connection_id, parent)
);

-- Where an invitation lies outside. The id is there before the file is.
create table uploads (
    invitation_id  UUID primary key references invitations (id),
    workspace_id   UUID not null,
    connection_id  UUID not null,
    remote_id      TEXT not null,
    -- What was sent last and is proved to be there.
    sha256         TEXT,
    link           TEXT,
    -- Sealed: where an upload in pieces goes on. Who has it may write the file.
    session        BYTEA,
    updated_at     TIMESTAMPTZ not null
);
create index uploads_connection on uploads (connection_id);

-- How far a source outside has been read for an event, over all runs.
create table source_cursors (
    event_id       UUID not null references events (id),
    connection_id  UUID not null references connections (id) on delete cascade,
    selection      TEXT not null,
    read_to        BIGINT not null,
    updated_at     TIMESTAMPTZ not null,
    primary key (event_id, connection_id, selection)
);
