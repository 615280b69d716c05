-- Jobs at once for each workspace: a workspace whose jobs wait for long leaves room for the others. Null means no limit.
alter table queues add column workspace_concurrency BIGINT;
-- Half of what one worker fetches at once, where nobody has set it otherwise: no limit of this kind could be set before.
update queues set workspace_concurrency = 32 where name = 'fetch';
