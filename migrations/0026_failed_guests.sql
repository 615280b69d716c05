-- The failed guests of a run in the order in which they were made, of which there may be many thousands.
create index invitations_failed_in_order on invitations (run_id, id) where state = 'failed';
