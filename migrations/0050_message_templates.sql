-- What messages say: templates with all their versions, and the blocks that templates share.

create table message_templates (
    id                UUID primary key,
    workspace_id      UUID not null references workspaces (id),
    name              TEXT not null,
    -- In one spelling, so that no name is there twice.
    name_key          TEXT not null,
    -- The version that the next message gets.
    version           BIGINT not null,
    -- Of that version, for lists.
    format            TEXT not null check (format in ('markdown', 'html', 'mjml')),
    default_language  TEXT not null,
    languages         JSONB not null,
    -- The names of the blocks that it uses.
    blocks            JSONB not null,
    -- As the audit log names them.
    changed_by        TEXT not null,
    created_at        TIMESTAMPTZ not null,
    updated_at        TIMESTAMPTZ not null,
    unique (workspace_id, name_key)
);
create index message_templates_in_order on message_templates (workspace_id, id);

-- A version never changes.
create table message_template_versions (
    workspace_id  UUID not null references workspaces (id),
    template_id   UUID not null references message_templates (id) on delete cascade,
    -- Counted from 1.
    version       BIGINT not null,
    content       JSONB not null,
    made_by       TEXT not null,
    created_at    TIMESTAMPTZ not null,
    primary key (workspace_id, template_id, version)
);
create index message_template_versions_of on message_template_versions (template_id);

create table message_blocks (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    -- As templates write it.
    name          TEXT not null,
    content       JSONB not null,
    changed_by    TEXT not null,
    created_at    TIMESTAMPTZ not null,
    updated_at    TIMESTAMPTZ not null,
    unique (workspace_id, name)
);
