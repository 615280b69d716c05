-- Guests are found by the beginning of their name, or of its last word, among millions.

-- The name as it is searched for, and its last word. Both are null for rows of older releases, until the update below
-- fills in the first of them; the second follows when the guest is on a list again.
alter table contacts add column find_key TEXT;
alter table contacts add column find_last TEXT;
update contacts set find_key = lower(name);
-- The beginning of a text is a range only where texts are compared byte by byte.
create index contacts_find on contacts (workspace_id, find_key/* by bytes */) where find_key is not null;
create index contacts_find_last on contacts (workspace_id, find_last/* by bytes */) where find_last is not null;

-- The part of a guest's picture that a person chose by hand, as an object with left, top and side in percent. Null:
-- Herald looks for the face.
alter table invitations add column crop JSONB;
