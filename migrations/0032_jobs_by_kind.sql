-- A look at the jobs of one kind among a million others.
create index jobs_kind on jobs (workspace_id, kind, id);
