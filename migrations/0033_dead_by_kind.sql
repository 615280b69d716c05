-- With the kind in them, jobs that an act would change are counted in the index alone.
drop index jobs_dead;
create index jobs_dead on jobs (workspace_id, id, kind) where state = 'dead';
drop index jobs_cancelled;
create index jobs_cancelled on jobs (workspace_id, id, kind) where state = 'cancelled';
