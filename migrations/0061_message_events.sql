-- What providers of WhatsApp report of messages: each once, however often it comes.
create table message_events (
    id             UUID primary key,
    workspace_id   UUID not null references workspaces (id),
    -- The account that reported. It is no reference, for there are many of these rows.
    connection_id  UUID not null,
    -- The provider's id for the message, and ours if the report names it.
    provider_id    TEXT not null,
    message_id     UUID,
    state          TEXT not null check (state in ('accepted', 'sent', 'delivered', 'read', 'failed')),
    -- The provider's code, if it failed.
    code           BIGINT,
    at             TIMESTAMPTZ not null,
    received_at    TIMESTAMPTZ not null,
    unique (workspace_id, connection_id, provider_id, state)
);
create index message_events_received on message_events (received_at);
