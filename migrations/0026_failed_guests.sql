-- The failed guests of a run in the order of their numbers, which is that of the list. They may be many thousands.
create index invitations_failed_in_order on invitations (run_id, number_index) where state = 'failed';
