-- Every file lies under its workspace now. A row here says that there are files which lie where they did before; the next start moves them and
-- takes the row away (shared/src/domain/move_files.rs). It is the installation's, not a workspace's: one row at most.

create table old_files (
    one       BOOLEAN primary key check (one),
    -- When all were moved, while processes of the earlier version might still lay down more.
    moved_at  TIMESTAMPTZ
);
-- Whatever was kept, a template was among it.
insert into old_files (one) select true where exists (select 1 from templates);
