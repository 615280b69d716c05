-- The link with which the first person of an installation makes their account. There is at most one, and it is gone
-- once it was used. SHA-256 of its token.
create table setup_links (
    token_hash  TEXT primary key,
    created_at  TIMESTAMPTZ not null,
    expires_at  TIMESTAMPTZ not null
);
