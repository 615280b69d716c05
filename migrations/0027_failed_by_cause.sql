-- Failed guests of a run by cause: counted in the index alone, and found in the order of their numbers.
create index invitations_failed_by_cause on invitations (workspace_id, run_id, cause, number_index)
  where state = 'failed';
drop index invitations_failed;
