-- Senders: in whose name a workspace writes, over which account, and how fast.

-- Mail servers are accounts as well. SQLite cannot change the check of a column, so the column is made anew. Its default
-- is only there because a column that is added needs one: every statement names the provider.
alter table connections add column provider_now TEXT not null default 'google'
    check (provider_now in ('google', 'mautic', 's3', 'smtp'));
update connections set provider_now = provider;
alter table connections drop column provider;
alter table connections rename column provider_now to provider;

create table senders (
    id               UUID primary key,
    workspace_id     UUID not null references workspaces (id),
    name             TEXT not null,
    -- In one spelling, so that no name is there twice.
    name_key         TEXT not null,
    channel          TEXT not null check (channel in ('email', 'whatsapp')),
    -- The account that sends; null: the mail server of the settings.
    connection_id    UUID references connections (id),
    from_name        TEXT not null,
    from_address     TEXT not null,
    reply_to         TEXT,
    -- What the law wants at the end of a mail, and what else stands there.
    postal_address   TEXT not null,
    footer           TEXT not null,
    -- How fast, and how much on a day. Null: as the queue allows.
    rate_per_second  BIGINT check (rate_per_second between 1 and 10000),
    daily_cap        BIGINT check (daily_cap between 1 and 100000000),
    -- The most for each of the first days, and when the first one began.
    warm_up          JSONB not null,
    warm_up_from     TIMESTAMPTZ,
    -- Hours by the recipient's clock in which nothing is sent.
    quiet            JSONB,
    -- Where bounces go, if not to the address itself.
    bounce_domain    TEXT,
    created_at       TIMESTAMPTZ not null,
    updated_at       TIMESTAMPTZ not null,
    unique (workspace_id, name_key)
);
create index senders_connection on senders (workspace_id, connection_id) where connection_id is not null;
