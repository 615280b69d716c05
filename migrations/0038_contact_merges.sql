-- Contacts that were found to be one person.
create table contact_merges (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    survivor_id   UUID not null references contacts (id),
    merged_id     UUID not null references contacts (id),
    -- Both as they were, and what moved: what an undoing needs. Emptied when it cannot be undone any more.
    images        JSONB not null,
    forgotten     BOOLEAN not null,
    who           TEXT not null,
    at            TIMESTAMPTZ not null,
    undo_until    TIMESTAMPTZ not null,
    undone_at     TIMESTAMPTZ
);
create index contact_merges_survivor on contact_merges (workspace_id, survivor_id, id);
create index contact_merges_merged on contact_merges (workspace_id, merged_id, id);
create index contact_merges_kept on contact_merges (undo_until) where not forgotten;
create index contacts_merged on contacts (workspace_id, merged_into) where merged_into is not null;
