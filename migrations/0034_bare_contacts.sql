-- Contacts who are known by the row that they came from alone: most workspaces have none, and their lists ask for none.
create index contacts_bare on contacts (workspace_id, id) where email is null and external_id is null;
