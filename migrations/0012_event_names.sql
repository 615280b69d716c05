-- An event is known by its name: "C++ Night" and "C# Night" are two, though their slugs were alike.

-- The name as it is compared. Rows without one are given it by the next process that looks for an event of their workspace.
alter table events add column name_key TEXT;
create unique index events_name on events (workspace_id, name_key);
