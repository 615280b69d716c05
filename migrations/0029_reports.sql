-- Finished reports: one a kind and a local day. What is made again replaces what was there.
create table reports (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    kind          TEXT not null,
    -- YYYY-MM-DD in the zone.
    day           TEXT not null,
    time_zone     TEXT not null,
    -- As it is called where it is saved.
    name          TEXT not null,
    -- In the file store.
    file          TEXT not null,
    bytes         BIGINT not null,
    sha256        TEXT not null,
    leads         BIGINT not null,
    made_at       TIMESTAMPTZ not null,
    unique (workspace_id, kind, day)
);
