-- The contacts and leads of a workspace in the order in which lists and exports go through them. Without it SQLite
-- sorts all of them for each page.
create index contacts_in_order on contacts (workspace_id, id);
create index leads_in_order on leads (workspace_id, id);
