-- The rows of a chunk that are left out for what the workspace had when they were read: the file of such rows is made of
-- them once the import is done.
alter table import_chunks add column refused JSONB;
