-- Who stored a version of a template, as the audit log names them. Null: the installation itself, or an earlier Herald.
alter table templates add column made_by TEXT;
-- When a person made an older version the current one again, and who. The current version of a name is the one that was
-- stored or chosen last.
alter table templates add column chosen_at TIMESTAMPTZ;
alter table templates add column chosen_by TEXT;
