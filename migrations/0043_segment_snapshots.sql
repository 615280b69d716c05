-- Who belonged to a segment at one moment: whom a run of invitations goes through, while people come and go.

create table segment_snapshots (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    -- Without a reference: a snapshot is kept as long as what used it, also when the segment is gone.
    segment_id    UUID not null,
    -- The segment as it was.
    name          TEXT not null,
    rule          JSONB not null,
    -- What it was taken for. One use has one snapshot.
    used_for      TEXT not null check (used_for in ('run')),
    used_by       UUID not null,
    contacts      BIGINT not null,
    taken_at      TIMESTAMPTZ not null,
    unique (workspace_id, used_for, used_by)
);
create index segment_snapshots_newest on segment_snapshots (workspace_id, segment_id, id);

-- A million rows are written by one statement. References would look up each of them, twice.
create table segment_snapshot_contacts (
    workspace_id  UUID not null,
    snapshot_id   UUID not null,
    contact_id    UUID not null,
    -- Counted from 1 in the order of the ids. Who is erased leaves a gap.
    position      BIGINT not null,
    primary key (workspace_id, snapshot_id, contact_id)
);
