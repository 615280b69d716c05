-- The filters of a list that a person keeps under a name: what stands behind the `?` of the page's address.
create table saved_views (
    id            UUID primary key,
    user_id       UUID not null references users (id) on delete cascade,
    workspace_id  UUID not null references workspaces (id),
    -- The page, such as 'jobs'.
    place         TEXT not null,
    name          TEXT not null,
    -- In one spelling, so that no name is there twice.
    name_key      TEXT not null,
    query         TEXT not null,
    created_at    TIMESTAMPTZ not null,
    unique (user_id, workspace_id, place, name_key)
);
