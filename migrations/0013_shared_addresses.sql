-- An address is not a person: several contacts may have one e-mail (see docs/imports.md).

-- The contact's name as it is compared. Rows of older releases have none until they change; no two of those share an address.
alter table contacts add column name_key TEXT;
drop index contacts_email;
create index contacts_email on contacts (workspace_id, email, name_key, id) where email is not null;
