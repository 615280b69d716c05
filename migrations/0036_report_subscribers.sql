-- Members who get the daily report by mail.
create table report_subscribers (
    workspace_id  UUID not null references workspaces (id),
    user_id       UUID not null references users (id) on delete cascade,
    created_at    TIMESTAMPTZ not null,
    primary key (workspace_id, user_id)
);
