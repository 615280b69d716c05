-- Addresses apart from the person. The primary e-mail address and phone number stay in the contact's own row; here are
-- the further ones, and what is known of an address besides its value.
create table contact_addresses (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    contact_id    UUID not null references contacts (id),
    kind          TEXT not null check (kind in ('email', 'phone', 'whatsapp')),
    -- In the one spelling of its kind.
    value         TEXT not null,
    -- What the workspace calls it, such as 'work'.
    label         TEXT,
    -- When somebody made sure that it is the person's, how, and who.
    verified_at   TIMESTAMPTZ,
    verified_how  TEXT,
    verified_by   TEXT,
    -- Of kinds for which contacts have no column: the latest one is the primary.
    preferred_at  TIMESTAMPTZ,
    created_at    TIMESTAMPTZ not null,
    unique (workspace_id, contact_id, kind, value)
);
create index contact_addresses_value on contact_addresses (workspace_id, value, kind, contact_id);
