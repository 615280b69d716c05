-- What recipients do with messages: where their links lead, each opening and click, and the counts of them.

-- The links of a campaign that can be tracked, as they stood in its template when it was submitted.
create table tracked_links (
    workspace_id  UUID not null references workspaces (id),
    campaign_id   UUID not null references campaigns (id),
    -- As the signed links of its messages name it. 0 is the picture, 65535 the link that no person sees.
    number        BIGINT not null check (number between 1 and 65534),
    language      TEXT not null,
    -- As it is written, byte for byte.
    target        TEXT not null,
    primary key (campaign_id, number)
);

-- Append only. The counts can be made of these rows anew.
create table tracking_events (
    id            UUID primary key,
    workspace_id  UUID not null,
    campaign_id   UUID not null,
    -- Null: only counted, or the person was erased.
    message_id    UUID,
    kind          TEXT not null check (kind in ('open', 'click')),
    number        BIGINT not null,
    variant       TEXT not null,
    -- Why it counts as no person's; null: it counts as one.
    robot         TEXT,
    -- Whether it is the first of its kind that counts as the recipient's.
    is_first      BOOLEAN not null,
    at            TIMESTAMPTZ not null
);
create index tracking_events_campaign on tracking_events (workspace_id, campaign_id, id);
create index tracking_events_message on tracking_events (workspace_id, message_id) where message_id is not null;

create table tracking_counts (
    workspace_id  UUID not null references workspaces (id),
    campaign_id   UUID not null references campaigns (id),
    kind          TEXT not null,
    number        BIGINT not null,
    -- Empty: the campaign has none.
    variant       TEXT not null,
    -- Of the week by the campaign's clock: 0 is the first hour of Monday.
    hour          BIGINT not null check (hour between 0 and 167),
    -- All of them, those that count as a person's, and the first of a message.
    requests      BIGINT not null,
    human         BIGINT not null,
    people        BIGINT not null,
    primary key (campaign_id, kind, number, variant, hour)
);

-- Whether a person agreed that what they do with messages is kept beside their name. The newest row holds.
create table tracking_consents (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    contact_id    UUID not null,
    given         BOOLEAN not null,
    -- The words that were agreed to, where they were read, and what proves it.
    wording       TEXT not null,
    source        TEXT not null,
    proof         TEXT,
    at            TIMESTAMPTZ not null
);
create index tracking_consents_contact on tracking_consents (workspace_id, contact_id, at);
