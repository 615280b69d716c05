-- Addresses that are not written to any more. They outlive the contact, so there is only a keyed hash of each.

create table suppressions (
    id             UUID primary key,
    workspace_id   UUID not null references workspaces (id),
    channel        TEXT not null check (channel in ('email', 'phone', 'whatsapp')),
    -- From which nobody learns the address.
    hash           TEXT not null,
    reason         TEXT not null check (reason in ('unsubscribed', 'hard_bounce', 'complaint', 'stop', 'by_hand')),
    -- What wrote it: a message, a person, a key.
    source         TEXT not null,
    -- What a person said of it.
    note           TEXT,
    -- Whose address it was. Null: nobody whom the workspace knows.
    contact_id     UUID,
    -- The withdrawal of a consent that was written with it.
    consent_id     UUID,
    at             TIMESTAMPTZ not null,
    -- Since when the address may be written to again, who said so and why.
    lifted_at      TIMESTAMPTZ,
    lifted_by      TEXT,
    lifted_why     TEXT
);
create unique index suppressions_address on suppressions (workspace_id, channel, hash) where lifted_at is null;
create index suppressions_newest on suppressions (workspace_id, channel, id);
create index suppressions_in_order on suppressions (workspace_id, id);
create index suppressions_contact on suppressions (workspace_id, contact_id) where contact_id is not null;
