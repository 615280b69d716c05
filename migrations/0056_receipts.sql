-- What the outside later says of messages, and addresses whose mail came back for a while.

-- A provider names a message as it likes.
create index messages_provider on messages (workspace_id, channel, provider_id) where provider_id is not null;

-- One row a message that came back for a while. A delivery removes those of the address. When there are too many within
-- some days, the address is suppressed.
create table soft_bounces (
    workspace_id  UUID not null references workspaces (id),
    channel       TEXT not null,
    -- As suppressions have it: from which nobody learns the address.
    hash          TEXT not null,
    message_id    UUID not null,
    at            TIMESTAMPTZ not null,
    primary key (workspace_id, channel, hash, message_id)
);
create index soft_bounces_at on soft_bounces (at);

-- SQLite cannot change the check of a column, so the column is made anew. Its default is only there because a column that
-- is added needs one: every statement names the reason.
alter table suppressions add column reason_now TEXT not null default 'by_hand'
    check (reason_now in ('unsubscribed', 'hard_bounce', 'soft_bounce', 'complaint', 'stop', 'by_hand'));
update suppressions set reason_now = reason;
alter table suppressions drop column reason;
alter table suppressions rename column reason_now to reason;
