-- The end of each workspace's audit log, sealed with a key that does not lie in the database: up to which row, and the seal.
-- Null: nothing was written since logs are sealed.
alter table audit_heads add column sealed_seq BIGINT;
alter table audit_heads add column seal TEXT;
