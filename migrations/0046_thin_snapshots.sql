-- The members of a snapshot go some time after what used it has ended. Its row stays, with the number of them.
alter table segment_snapshots add column members_gone_at TIMESTAMPTZ;
-- Whether any are left: they go in steps.
alter table segment_snapshots add column has_members BOOLEAN not null default true;
create index segment_snapshots_whole on segment_snapshots (id) where has_members;
