-- Answers kept for who asks twice: `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).

create table idempotency_keys (
    workspace_id  UUID not null references workspaces (id),
    key           TEXT not null,
    -- SHA-256 of what the request was, in hex.
    fingerprint   TEXT not null,
    state         TEXT not null check (state in ('running', 'done')),
    -- Who answers it, and how long they are believed to: a process that dies locks no key for ever.
    attempt       UUID not null,
    lease_until   TIMESTAMPTZ not null,
    -- The answer, once it is done.
    status        BIGINT,
    headers       JSONB,
    body          BYTEA,
    created_at    TIMESTAMPTZ not null,
    primary key (workspace_id, key)
);
create index idempotency_keys_created on idempotency_keys (created_at);
