-- Lists of leads, which are imported as lists of people are.
alter table imports add column what TEXT not null default 'contacts' check (what in ('contacts', 'leads'));

-- What the chunks of an import did with leads, so that it can be undone. An undoing takes them off again.
create table lead_images (
    workspace_id  UUID not null references workspaces (id),
    import_id     UUID not null references imports (id),
    -- The chunk.
    from_row      BIGINT not null,
    lead_id       UUID not null,
    -- Whether the chunk made the lead.
    made          BOOLEAN not null,
    -- The version that the chunk left behind: with another one somebody has changed the lead since.
    version       BIGINT not null,
    -- What it changed: by field the value before, and the value behind it.
    images        JSONB not null,
    primary key (workspace_id, import_id, from_row, lead_id)
);
create index lead_images_lead on lead_images (workspace_id, lead_id);
