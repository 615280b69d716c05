-- What people write to the workspace's numbers.
create table inbound_messages (
    id             UUID primary key,
    workspace_id   UUID not null references workspaces (id),
    -- The account that got it. It stays when the account goes.
    connection_id  UUID not null,
    -- Whose it is; null: somebody who only said that they want nothing.
    contact_id     UUID,
    -- The provider's id for it.
    provider_id    TEXT not null,
    -- The number of who wrote; null: WhatsApp hides it.
    from_address   TEXT,
    -- The id that WhatsApp gives the person for this business.
    from_user      TEXT,
    from_name      TEXT,
    -- Such as text, button or image.
    kind           TEXT not null,
    body           TEXT not null,
    files          BIGINT not null,
    received_at    TIMESTAMPTZ not null,
    unique (workspace_id, connection_id, provider_id)
);
create index inbound_messages_contact on inbound_messages (workspace_id, contact_id, received_at)
    where contact_id is not null;
create index inbound_messages_from on inbound_messages (workspace_id, from_address, received_at)
    where from_address is not null;
