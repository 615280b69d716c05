-- Several mail servers of one sender, each with its share of the mails. A sender without any sends over its own
-- connection, or over the mail server of the settings.
create table sender_relays (
    workspace_id   UUID not null references workspaces (id),
    sender_id      UUID not null references senders (id),
    connection_id  UUID not null references connections (id),
    weight         BIGINT not null check (weight between 1 and 100),
    primary key (sender_id, connection_id)
);
create index sender_relays_connection on sender_relays (workspace_id, connection_id);
