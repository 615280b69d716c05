-- People: who they are, what they may do where, and how they prove it. Nothing here can be used as it lies: passwords and tokens are hashes,
-- what must be read again is sealed.

create table users (
    id               UUID primary key,
    -- As the person writes it, for letters; and in one spelling, so that nobody is there twice.
    email            TEXT not null,
    email_key        TEXT not null unique,
    -- Argon2id; null where somebody else checks the password.
    password_hash    TEXT,
    username         TEXT,
    username_key     TEXT unique,
    bio              TEXT not null,
    favourite_tags   JSONB not null,
    locale           TEXT not null,
    time_zone        TEXT not null,
    -- May do what concerns the whole installation: its queues, its workers.
    platform_admin   BOOLEAN not null,
    state            TEXT not null check (state in ('active', 'deactivated')),
    version          BIGINT not null,
    created_at       TIMESTAMPTZ not null,
    updated_at       TIMESTAMPTZ not null,
    last_sign_in_at  TIMESTAMPTZ
);

create table members (
    workspace_id  UUID not null references workspaces (id),
    user_id       UUID not null references users (id) on delete cascade,
    role          TEXT not null check (role in ('viewer', 'staff', 'agency', 'owner')),
    created_at    TIMESTAMPTZ not null,
    primary key (workspace_id, user_id)
);
create index members_user on members (user_id);

-- A code that was sent to an address, and, sealed, what it is good for. One is active for each purpose and address.
create table codes (
    id          UUID primary key,
    purpose     TEXT not null check (purpose in ('register', 'reset', 'change_address')),
    email_key   TEXT not null,
    code_hash   TEXT not null,
    sealed      BYTEA not null,
    tries       BIGINT not null,
    expires_at  TIMESTAMPTZ not null,
    created_at  TIMESTAMPTZ not null,
    unique (purpose, email_key)
);
create index codes_expiry on codes (expires_at);

-- A letter to a person about their account. Sealed, since it may hold a code; emptied when it was sent.
create table letters (
    id          UUID primary key,
    sealed      BYTEA not null,
    created_at  TIMESTAMPTZ not null,
    sent_at     TIMESTAMPTZ
);

-- One for each device that signed in.
create table sessions (
    id          UUID primary key,
    user_id     UUID not null references users (id) on delete cascade,
    agent       TEXT,
    address     TEXT,
    created_at  TIMESTAMPTZ not null,
    used_at     TIMESTAMPTZ not null,
    expires_at  TIMESTAMPTZ not null,
    ended_at    TIMESTAMPTZ,
    ended_why   TEXT
);
create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);

-- Every refresh token of a session. A used one that comes again was stolen from one of the two who have it.
create table refresh_tokens (
    token_hash  TEXT primary key,
    session_id  UUID not null references sessions (id) on delete cascade,
    created_at  TIMESTAMPTZ not null,
    used_at     TIMESTAMPTZ
);
create index refresh_tokens_session on refresh_tokens (session_id);

-- A link by which people join a workspace.
create table workspace_invitations (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    token_hash    TEXT not null unique,
    role          TEXT not null check (role in ('viewer', 'staff', 'agency', 'owner')),
    -- Only who has this address may use it; null: who has the link.
    email_key     TEXT,
    created_by    TEXT not null,
    uses          BIGINT not null,
    max_uses      BIGINT not null,
    expires_at    TIMESTAMPTZ not null,
    revoked_at    TIMESTAMPTZ,
    created_at    TIMESTAMPTZ not null,
    check (uses <= max_uses)
);
create index workspace_invitations_workspace on workspace_invitations (workspace_id);

-- What access tokens and codes are signed with, sealed. The newest signs; retired ones check until what they signed is over.
create table signing_keys (
    kid         TEXT primary key,
    sealed      BYTEA not null,
    created_at  TIMESTAMPTZ not null,
    retired_at  TIMESTAMPTZ
);

-- Keys that were made before could do everything, and go on doing so.
alter table api_tokens add column role TEXT not null default 'owner';
alter table api_tokens add column platform_admin BOOLEAN not null default true;
-- What it may touch, such as `invitation-runs:write`; null: whatever its role may.
alter table api_tokens add column scopes JSONB;
alter table api_tokens add column created_by TEXT;
alter table api_tokens add column expires_at TIMESTAMPTZ;
alter table api_tokens add column last_used_at TIMESTAMPTZ;
alter table api_tokens add column revoked_at TIMESTAMPTZ;

-- From where something was done.
alter table audit_log add column origin TEXT;
