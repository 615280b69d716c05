-- A browser keeps one token for as long as its session goes on: pages are opened side by side, and a token that changes
-- with every use would end the session of whoever opens two. SHA-256 of the token; null for other clients.
alter table sessions add column browser_hash TEXT;
create unique index sessions_browser on sessions (browser_hash);
