-- What members are told in a workspace, each thing once, and by mail if they want.
create table notifications (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    user_id       UUID not null references users (id) on delete cascade,
    kind          TEXT not null,
    -- What it is about: the same key is told a person once.
    key           TEXT not null,
    title         TEXT not null,
    -- The page, below those of the workspace.
    link          TEXT not null,
    created_at    TIMESTAMPTZ not null,
    read_at       TIMESTAMPTZ,
    mail          TEXT not null check (mail in ('none', 'waiting', 'sending', 'sent', 'failed', 'unknown', 'skipped')),
    unique (workspace_id, user_id, key)
);
create index notifications_newest on notifications (user_id, workspace_id, id);
create index notifications_unread on notifications (user_id, workspace_id, id) where read_at is null;
create index notifications_old on notifications (created_at);

-- Whether a member wants mails. Without a row: if mails are set up.
create table notification_settings (
    workspace_id  UUID not null references workspaces (id),
    user_id       UUID not null references users (id) on delete cascade,
    mail          BOOLEAN not null,
    primary key (workspace_id, user_id)
);

-- Follow-ups of which nobody was reminded yet, the earliest first, in all workspaces.
create index leads_reminders on leads (follow_up_at)
  where follow_up_at is not null and (reminded_of is null or reminded_of <> follow_up_at);
