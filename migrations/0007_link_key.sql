-- Which key signs the links, so that two processes with different ones do not make links that only one of them opens. It is the
-- installation's, not a workspace's: one row at most. Only a fingerprint is kept; it does not give the key away.

create table link_key (
    one         BOOLEAN primary key check (one),
    fingerprint TEXT not null,
    set_at      TIMESTAMPTZ not null
);
