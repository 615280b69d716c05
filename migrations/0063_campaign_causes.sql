-- Why messages failed or were left out, counted at once; and how fast a campaign goes.

-- Only messages with a cause are in it, so that those that are sent without one cost nothing.
create index messages_cause on messages (workspace_id, campaign_id, state, cause, id) where cause is not null;

-- How many messages of a campaign got their end in a minute, for the time at which it will be sent.
create table campaign_minutes (
    workspace_id  UUID not null references workspaces (id),
    campaign_id   UUID not null references campaigns (id),
    -- The beginning of the minute.
    minute        TIMESTAMPTZ not null,
    messages      BIGINT not null,
    primary key (campaign_id, minute)
);
