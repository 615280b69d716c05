-- The import that made a contact. Its entry in the timeline is made of this: of an import of a million people it would
-- be a million rows. Null: the contact came in another way, or its entry is a row of the timeline. Imports stay.
alter table contacts add column imported_by UUID references imports (id);
