-- Campaigns, and a row for every message that says what became of it.

create table campaigns (
    id                UUID primary key,
    workspace_id      UUID not null references workspaces (id),
    name              TEXT not null,
    channel           TEXT not null check (channel in ('email', 'whatsapp')),
    state             TEXT not null check (state in ('draft', 'in_review', 'approved', 'scheduled', 'sending', 'paused',
                                                     'sent', 'cancelled', 'failed')),
    -- Counted up by every change, so that nobody saves over a change that they have not seen.
    version           BIGINT not null,
    sender_id         UUID,
    template_id       UUID,
    template_version  BIGINT,
    -- What the template said when the campaign was submitted, with its blocks: this is what the recipients get.
    content           JSONB,
    audience          JSONB not null,
    -- When, in which hours, under which limits.
    settings          JSONB not null,
    send_at           TIMESTAMPTZ,
    submitted_by      TEXT,
    approved_by       TEXT,
    approved_at       TIMESTAMPTZ,
    -- Of content, audience and time, as they were approved.
    approved_hash     TEXT,
    -- Why it is paused, was sent back, or failed.
    reason            TEXT,
    -- Counted up by each start and resumption: the jobs of an earlier one send nothing any more.
    round             BIGINT not null,
    -- The failures at which it last paused by itself.
    failed_seen       BIGINT,
    -- The last contact whose message is planned; planning goes through their ids in order.
    planned_to        UUID,
    planned_at        TIMESTAMPTZ,
    started_at        TIMESTAMPTZ,
    finished_at       TIMESTAMPTZ,
    created_by        TEXT not null,
    created_at        TIMESTAMPTZ not null,
    updated_at        TIMESTAMPTZ not null
);
create index campaigns_newest on campaigns (workspace_id, id);
create index campaigns_state on campaigns (workspace_id, state, id);

-- What happened with a campaign, and who did it.
create table campaign_log (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    campaign_id   UUID not null references campaigns (id),
    kind          TEXT not null,
    who           TEXT,
    detail        JSONB not null,
    at            TIMESTAMPTZ not null
);
create index campaign_log_newest on campaign_log (workspace_id, campaign_id, id);

-- Whom a campaign means, as it was when it began. Planning takes them off one by one. References would look up each of
-- a million rows.
create table campaign_members (
    workspace_id  UUID not null,
    campaign_id   UUID not null,
    contact_id    UUID not null,
    primary key (workspace_id, campaign_id, contact_id)
);

-- One row a recipient and step.
create table messages (
    id               UUID primary key,
    workspace_id     UUID not null references workspaces (id),
    campaign_id      UUID not null references campaigns (id),
    -- The contact; null once they were erased.
    contact_id       UUID,
    step             BIGINT not null,
    channel          TEXT not null,
    -- As it was when the campaign was planned. Empty: there was none, or the person was erased.
    address          TEXT not null,
    -- In one spelling, so that nobody gets two: null where another contact with the same address gets it.
    address_key      TEXT,
    language         TEXT,
    time_zone        TEXT,
    variant          TEXT,
    -- What the template needs of the person, as it was when the campaign was planned.
    params           JSONB not null,
    state            TEXT not null check (state in ('pending', 'claimed', 'sent', 'delivered', 'failed', 'suppressed',
                                                    'unknown')),
    -- Why, in a word and in a sentence.
    cause            TEXT,
    reason           TEXT,
    -- What the other side answered, by which its log can be searched.
    said             TEXT,
    provider_id      TEXT,
    -- Whose hand it is in: one attempt of a job.
    claim            UUID,
    tries            BIGINT not null,
    -- Not before, if it was put off.
    due_at           TIMESTAMPTZ,
    claimed_at       TIMESTAMPTZ,
    sent_at          TIMESTAMPTZ,
    delivered_at     TIMESTAMPTZ,
    opened_at        TIMESTAMPTZ,
    clicked_at       TIMESTAMPTZ,
    bounced_at       TIMESTAMPTZ,
    complained_at    TIMESTAMPTZ,
    unsubscribed_at  TIMESTAMPTZ,
    updated_at       TIMESTAMPTZ not null
);
create unique index messages_recipient on messages (campaign_id, step, contact_id);
create unique index messages_address on messages (campaign_id, step, address_key) where address_key is not null;
create index messages_state on messages (workspace_id, campaign_id, state, id);
create index messages_contact on messages (workspace_id, contact_id, id);

-- How many messages of a campaign are in which state. Kept by the transactions that move them.
create table campaign_counts (
    workspace_id  UUID not null references workspaces (id),
    campaign_id   UUID not null references campaigns (id),
    state         TEXT not null,
    messages      BIGINT not null,
    primary key (campaign_id, state)
);

-- Whose turn it is at a sender, for the whole fleet: the moment from which the next message may go, and how many went
-- on the day.
create table sender_turns (
    workspace_id  UUID not null references workspaces (id),
    sender_id     UUID primary key,
    free_at       TIMESTAMPTZ not null,
    day           TEXT not null,
    sent          BIGINT not null
);
