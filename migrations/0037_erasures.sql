-- People who were erased: the proof that it was done, without the person.
create table erasures (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    -- The id that the contact had.
    contact_id    UUID not null,
    -- The number of records of each sort that went.
    records       JSONB not null,
    -- The keys of files that are still to go.
    files         JSONB not null,
    who           TEXT not null,
    at            TIMESTAMPTZ not null,
    -- When the last file was gone.
    done_at       TIMESTAMPTZ
);
create index erasures_newest on erasures (workspace_id, id);

-- By what an erased person is recognised when they come back: a keyed hash of an address, from which nobody learns it.
create table erased_addresses (
    workspace_id  UUID not null references workspaces (id),
    hash          TEXT not null,
    at            TIMESTAMPTZ not null,
    primary key (workspace_id, hash)
);
