-- The tags of a contact. Without it SQLite, which does not know how many contacts have tags, looks for them among those
-- of the whole workspace.
create index contact_tags_contact on contact_tags (workspace_id, contact_id, tag_id);
