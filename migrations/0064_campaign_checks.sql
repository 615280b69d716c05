-- What was found when the whole audience of a campaign was looked through, before anybody approves it.

create table campaign_checks (
    workspace_id  UUID not null references workspaces (id),
    campaign_id   UUID primary key references campaigns (id),
    -- Of content, audience and time, as they were looked through.
    hash          TEXT not null,
    state         TEXT not null check (state in ('running', 'done', 'failed')),
    -- Whom the audience means, and how many of them were looked at.
    contacts      BIGINT not null,
    looked_at     BIGINT not null,
    -- How many contacts have which fault. They may have several.
    found         JSONB not null,
    -- The last contact that was looked at; they are gone through from the newest on.
    at_contact    UUID,
    -- Why it could not be done.
    reason        TEXT,
    started_at    TIMESTAMPTZ not null,
    finished_at   TIMESTAMPTZ
);

-- The contacts with a fault: the first of each kind, up to a limit.
create table campaign_faults (
    workspace_id  UUID not null,
    campaign_id   UUID not null,
    cause         TEXT not null,
    -- The variable that it is about; empty: none.
    field         TEXT not null,
    contact_id    UUID not null,
    detail        TEXT not null,
    primary key (campaign_id, cause, field, contact_id)
);
create index campaign_faults_contact on campaign_faults (workspace_id, contact_id);

-- The subject that went to the rest of the audience, by its number from 1.
alter table campaigns add column ab_winner BIGINT;

create index messages_variant on messages (workspace_id, campaign_id, variant, state) where variant is not null;
