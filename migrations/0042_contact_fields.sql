-- Fields of contacts of the workspace's own that have a type. The values stay in `contacts.fields`.
create table contact_fields (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    -- Its name in `contacts.fields`.
    key           TEXT not null,
    label         TEXT not null,
    kind          TEXT not null check (kind in ('text', 'number', 'date', 'yes_no', 'choice', 'url')),
    choices       JSONB not null,
    position      BIGINT not null,
    created_at    TIMESTAMPTZ not null,
    updated_at    TIMESTAMPTZ not null,
    unique (workspace_id, key)
);
