-- What the outside told of mails: bounces, complaints and deliveries, as they came.

create table mail_events (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    -- Without a reference: messages stay, and looking each of a million up takes time.
    message_id    UUID not null,
    -- What told it: a mail, or the webhook of a service.
    source        TEXT not null check (source in ('mail', 'generic', 'mailgun', 'postmark', 'sendgrid', 'ses')),
    -- The event's own name: told twice, it has the same.
    key           TEXT not null,
    kind          TEXT not null check (kind in ('hard', 'soft', 'policy', 'complaint', 'delayed', 'delivered', 'dropped')),
    -- The enhanced status code.
    status        TEXT,
    -- What the other side said.
    said          TEXT not null,
    -- As it came: the beginning of the mail, or JSON. Empty once it was forgotten.
    raw           TEXT not null,
    at            TIMESTAMPTZ not null,
    received_at   TIMESTAMPTZ not null,
    unique (workspace_id, key)
);
create index mail_events_message on mail_events (workspace_id, message_id, id);
create index mail_events_received on mail_events (received_at);
