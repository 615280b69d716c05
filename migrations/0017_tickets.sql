-- A code that was sent to an address, and, sealed, what it is good for. Any number for each address, so that a stranger who asks for one takes
-- nobody's away. In place of `codes`, which processes of the version before still use; what they wrote is over after ten minutes.

create table tickets (
    id          UUID primary key,
    purpose     TEXT not null check (purpose in ('register', 'reset', 'change_address')),
    code_hash   TEXT not null,
    sealed      BYTEA not null,
    tries       BIGINT not null,
    expires_at  TIMESTAMPTZ not null,
    created_at  TIMESTAMPTZ not null
);
create index tickets_expiry on tickets (expires_at);
