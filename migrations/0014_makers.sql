-- Who is behind a key or an invitation link: it is worth at most what this person is worth in the workspace. Null: the
-- installation itself made it. No foreign key: what a deleted person made must open nothing, not everything.
alter table api_tokens add column maker_id UUID;
alter table workspace_invitations add column maker_id UUID;
-- The key that was used to make it. It ends with that key.
alter table api_tokens add column maker_key_id UUID;
alter table workspace_invitations add column maker_key_id UUID;
create index api_tokens_maker on api_tokens (workspace_id, maker_id);
create index workspace_invitations_maker on workspace_invitations (workspace_id, maker_id);

-- Who was taken out of a workspace, and when: links from before that do not let this person in again.
create table former_members (
    workspace_id  UUID not null references workspaces (id),
    user_id       UUID not null references users (id) on delete cascade,
    removed_at    TIMESTAMPTZ not null,
    primary key (workspace_id, user_id)
);
