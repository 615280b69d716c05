-- Lists as files: exactly what a list shows under its filters.
create table exports (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    what          TEXT not null check (what in ('contacts', 'leads')),
    format        TEXT not null check (format in ('csv', 'xlsx')),
    filter        JSONB not null,
    state         TEXT not null check (state in ('running', 'done', 'failed', 'cancelled', 'expired')),
    reason        TEXT,
    -- The rows that are written, and the size of the finished file.
    row_count     BIGINT not null,
    bytes         BIGINT,
    created_by    TEXT not null,
    created_at    TIMESTAMPTZ not null,
    finished_at   TIMESTAMPTZ,
    expires_at    TIMESTAMPTZ not null
);
create index exports_newest on exports (workspace_id, id);
