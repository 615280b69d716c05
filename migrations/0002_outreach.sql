-- Who is invited, to what, with which picture: contacts, events, templates, runs and invitations.

create table contacts (
    id               UUID primary key,
    workspace_id     UUID not null references workspaces (id),
    -- What makes two rows of a list the same person: an external id, else an e-mail, else the row itself (see docs/imports.md).
    dedupe_key       TEXT not null,
    external_id      TEXT,
    email            TEXT,
    phone            TEXT,
    name             TEXT not null,
    picture          TEXT,
    fields           JSONB not null,
    invitation_link  TEXT,
    lucky_number     TEXT,
    created_at       TIMESTAMPTZ not null,
    updated_at       TIMESTAMPTZ not null,
    unique (workspace_id, dedupe_key)
);
-- At most one contact has an address or an id, whatever it is deduplicated by.
create unique index contacts_email on contacts (workspace_id, email) where email is not null;
create unique index contacts_external_id on contacts (workspace_id, external_id) where external_id is not null;

create table events (
    id              UUID primary key,
    workspace_id    UUID not null references workspaces (id),
    slug            TEXT not null,
    name            TEXT not null,
    number_prefix   TEXT not null,
    number_digits   BIGINT not null check (number_digits between 1 and 12),
    -- Keys the order in which numbers are given out, so that a number tells nothing about the list.
    number_key      TEXT not null,
    numbers_used    BIGINT not null,
    created_at      TIMESTAMPTZ not null,
    unique (workspace_id, slug)
);

create table templates (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    name          TEXT not null,
    version       TEXT not null,
    manifest      TEXT not null,
    files         JSONB not null,
    width         BIGINT not null,
    height        BIGINT not null,
    created_at    TIMESTAMPTZ not null,
    unique (workspace_id, name, version)
);

create table invitation_runs (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    event_id      UUID not null references events (id),
    template_id   UUID not null references templates (id),
    batch_id      UUID not null references batches (id),
    -- The same source, template and options: a run that was cut off is taken up again instead of doubled.
    fingerprint   TEXT not null,
    source        JSONB not null,
    options       JSONB not null,
    state         TEXT not null check (state in ('importing', 'running', 'complete', 'cancelled', 'failed')),
    reason        TEXT,
    imported      BOOLEAN not null,
    cursor_row    BIGINT not null,
    total         BIGINT not null,
    made          BIGINT not null,
    already       BIGINT not null,
    failed        BIGINT not null,
    rejected      BIGINT not null,
    cancelled     BIGINT not null,
    created_at    TIMESTAMPTZ not null,
    finished_at   TIMESTAMPTZ
);
create index invitation_runs_recent on invitation_runs (workspace_id, created_at);
create index invitation_runs_batch on invitation_runs (batch_id);

-- Rows of a list that could not become a guest, or only with a remark.
create table import_problems (
    id            UUID primary key,
    workspace_id  UUID not null,
    run_id        UUID not null references invitation_runs (id),
    line          BIGINT not null,
    guest         TEXT not null,
    fatal         BOOLEAN not null,
    message       TEXT not null,
    unique (run_id, line, message)
);

create table invitations (
    id               UUID primary key,
    workspace_id     UUID not null references workspaces (id),
    event_id         UUID not null references events (id),
    contact_id       UUID not null references contacts (id),
    run_id           UUID not null references invitation_runs (id),
    number_index     BIGINT not null,
    lucky_number     TEXT not null,
    link             TEXT not null,
    link_expires_at  TIMESTAMPTZ not null,
    step             TEXT not null check (step in ('picture', 'render', 'upload', 'publish', 'done')),
    state            TEXT not null check (state in ('pending', 'made', 'failed', 'cancelled')),
    reason           TEXT,
    portrait_notes   JSONB not null,
    render_notes     JSONB not null,
    portrait         TEXT,
    rendering        TEXT,
    sha256           TEXT,
    bytes            BIGINT,
    file             TEXT,
    created_at       TIMESTAMPTZ not null,
    updated_at       TIMESTAMPTZ not null,
    unique (event_id, contact_id),
    unique (event_id, number_index),
    unique (event_id, lucky_number)
);
create index invitations_run on invitations (run_id);
create index invitations_contact on invitations (contact_id);

-- Who is on a run's list, in its order: also those who had an invitation before.
create table run_guests (
    run_id         UUID not null references invitation_runs (id),
    position       BIGINT not null,
    workspace_id   UUID not null,
    invitation_id  UUID not null references invitations (id),
    had_one        BOOLEAN not null,
    primary key (run_id, position)
);

-- Bearer tokens of people and services; only a hash is kept.
create table api_tokens (
    id            UUID primary key,
    workspace_id  UUID not null references workspaces (id),
    name          TEXT not null,
    token_hash    TEXT not null unique,
    created_at    TIMESTAMPTZ not null
);
