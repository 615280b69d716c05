-- Lists of people that become contacts, and groups of contacts by rules.

create table imports (
    id             UUID primary key,
    workspace_id   UUID not null references workspaces (id),
    -- The file as it was sent.
    name           TEXT not null,
    bytes          BIGINT not null,
    sha256         TEXT not null,
    mode           TEXT not null check (mode in ('fill', 'overwrite', 'update')),
    -- The sheet of a workbook, what a person said of the columns, and the tags that everybody gets.
    sheet          TEXT,
    columns        JSONB not null,
    tags           JSONB not null,
    state          TEXT not null check (state in
                     ('checking', 'checked', 'importing', 'done', 'failed', 'cancelled', 'undoing', 'undone')),
    reason         TEXT,
    -- What the check found; null while nothing is known.
    report         JSONB,
    starts_itself  BOOLEAN not null,
    -- The rows that were read, and what became of them.
    cursor_row     BIGINT not null,
    created        BIGINT not null,
    updated        BIGINT not null,
    unchanged      BIGINT not null,
    skipped        BIGINT not null,
    refused        BIGINT not null,
    -- Contacts that an undoing left as they are.
    kept           BIGINT not null,
    created_by     TEXT not null,
    created_at     TIMESTAMPTZ not null,
    finished_at    TIMESTAMPTZ,
    undo_until     TIMESTAMPTZ
);
create index imports_newest on imports (workspace_id, id);

-- What the chunks of an import did, so that it can be undone. An undoing takes them off again.
create table import_chunks (
    workspace_id  UUID not null references workspaces (id),
    import_id     UUID not null references imports (id),
    from_row      BIGINT not null,
    images        JSONB not null,
    at            TIMESTAMPTZ not null,
    primary key (import_id, from_row)
);

create table segments (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    name          TEXT not null,
    -- In one spelling, so that no name is there twice.
    name_key      TEXT not null,
    rule          JSONB not null,
    created_at    TIMESTAMPTZ not null,
    updated_at    TIMESTAMPTZ not null,
    unique (workspace_id, name_key)
);
