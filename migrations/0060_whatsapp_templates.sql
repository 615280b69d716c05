-- Accounts that send over WhatsApp, and the templates that WhatsApp has approved for them.

-- SQLite cannot change the check of a column, so the column is made anew. Its default is only there because a column that
-- is added needs one: every statement names the provider.
alter table connections add column provider_now TEXT not null default 'google'
    check (provider_now in ('google', 'mautic', 's3', 'smtp', 'twilio', 'meta'));
update connections set provider_now = provider;
alter table connections drop column provider;
alter table connections rename column provider_now to provider;

-- As the provider had them when they were last read.
create table whatsapp_templates (
    id             UUID primary key,
    workspace_id   UUID not null references workspaces (id),
    connection_id  UUID not null references connections (id) on delete cascade,
    -- The provider's id.
    provider_id    TEXT not null,
    name           TEXT not null,
    language       TEXT not null,
    state          TEXT not null check (state in ('approved', 'pending', 'rejected', 'paused', 'disabled', 'unsubmitted',
                                                  'deleted', 'other')),
    -- All that the provider says of it.
    content        JSONB not null,
    -- When it was last in the provider's list.
    seen_at        TIMESTAMPTZ not null,
    created_at     TIMESTAMPTZ not null,
    updated_at     TIMESTAMPTZ not null,
    unique (workspace_id, connection_id, provider_id)
);
create index whatsapp_templates_in_order on whatsapp_templates (workspace_id, name, language, id);
create index whatsapp_templates_connection on whatsapp_templates (connection_id);

-- The template of a campaign over WhatsApp with its values, as it was when the campaign was submitted.
alter table campaigns add column whatsapp JSONB;
