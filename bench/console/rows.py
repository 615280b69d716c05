"""Fills Herald's tables with as many guests and jobs as an agency has in a season, by the database itself.

The same statements run on PostgreSQL and on SQLite; what the two write differently stands in `Postgres` and `Sqlite`.
Ids sort by their time, as Herald's own do. Beside the workspace that is looked at stands a second one, whose two
newest jobs and one run show what a small workspace pays for a large one."""

import datetime
import sqlite3
import sys

import psycopg

# Milliseconds from one row to the next: a million are fourteen hours.
APART = 50
# Of a thousand jobs so many wait, failed for good, and were cancelled; one that waits has failed once.
READY, DEAD, CANCELLED = 30, 10, 10
CAUSES, RUNS, AUDIT = 20, 200, 100_000


class Postgres:
    def __init__(self, url, start):
        self.start = start
        self.db = psycopg.connect(url, autocommit=True)
        # Millions of foreign keys would be looked up, which all exist.
        self.db.execute("set session_replication_role = replica")

    def id(self, salt, n="n"):
        """An id of a version 7: the time, the salt, the number."""
        digits = f"lpad(to_hex({self.start} + {APART} * {n}::bigint), 12, '0') || '70008' || lpad('{salt}', 3, '0') || lpad(to_hex({n}), 12, '0')"
        return f"cast({digits} as uuid)"

    def at(self, n="n"):
        return f"to_timestamp(({self.start} + {APART} * {n}::bigint) / 1000.0)"

    def json(self, text):
        return f"cast({text} as jsonb)"

    def series(self, most):
        return f"generate_series(1, {most}) as s(n)"

    def run(self, statement):
        self.db.execute(statement)

    def finish(self):
        self.db.execute("vacuum analyze")
        self.db.close()


class Sqlite:
    def __init__(self, path, start):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.create_function("made_id", 2, lambda salt, n: bytes.fromhex(f"{start + APART * n:012x}70008{salt:0>3}{n:012x}"), deterministic=True)
        self.db.create_function("made_at", 1, lambda n: time_of(start + APART * n), deterministic=True)
        self.db.execute("pragma synchronous = off")

    def id(self, salt, n="n"):
        return f"made_id('{salt}', {n})"

    def at(self, n="n"):
        return f"made_at({n})"

    def json(self, text):
        return text

    def series(self, most):
        return f"(with recursive s(n) as (select 1 union all select n + 1 from s where n < {most}) select n from s)"

    def run(self, statement):
        self.db.execute(statement)

    def finish(self):
        self.db.execute("pragma wal_checkpoint(truncate)")
        self.db.close()


def time_of(millis):
    return datetime.datetime.fromtimestamp(millis / 1000, datetime.timezone.utc).isoformat(timespec="microseconds")


def statements(on, guests, jobs):
    """One table after the other. `n` counts rows, oldest first."""
    ws = "(select id from workspaces where slug = 'default')"
    other = on.id(9, 1)
    state = f"""case when n % 1000 < {READY} then 'ready' when n % 1000 < {READY + DEAD} then 'dead'
        when n % 1000 < {READY + DEAD + CANCELLED} then 'cancelled' else 'succeeded' end"""
    failed = f"(n % 1000 = 0 or n % 1000 between {READY} and {READY + DEAD - 1})"
    cause = f"'00000000000000' || (10 + n / 1000 % {CAUSES})"
    source = on.json("""'{"kind": "csv", "key": "lists/guests.csv", "name": "guests.csv", "sha256": "00"}'""")
    options = on.json("""'{"format": "png"}'""")
    nothing, empty, args = on.json("'{}'"), on.json("'[]'"), on.json("""'{"invitation_id": "' || n || '"}'""")
    batch = on.id(2, f"(1 + n % {RUNS})")
    some = f"case when n = {RUNS} then {guests} else 10 end"
    lost = f"case when n = {RUNS} then {guests // 100} else 0 end"
    yield f"insert into workspaces (id, slug, name, created_at) values ({other}, 'small', 'Small', {on.at(1)})"
    yield f"""insert into events (id, workspace_id, slug, name, number_prefix, number_digits, number_key, numbers_used, created_at, name_key)
        values ({on.id(1, 1)}, {ws}, 'season', 'Season', 'A', 7, 'key', {guests}, {on.at(1)}, 'season')"""
    yield f"""insert into batches (id, workspace_id, name, state, total, succeeded, dead, cancelled, created_at)
        select {on.id(2)}, {ws}, 'invitations', 'complete', 10, 10, 0, 0, {on.at()} from {on.series(RUNS)}"""
    yield f"""insert into invitation_runs (id, workspace_id, event_id, template_id, batch_id, fingerprint, source, options, state, imported,
            cursor_row, total, made, already, failed, rejected, cancelled, created_at, finished_at)
        select {on.id(3)}, {ws}, {on.id(1, 1)}, (select id from templates limit 1), {on.id(2)}, 'f' || n, {source}, {options}, 'complete',
            true, 0, {some}, {some} - {lost}, 0, {lost}, 0, 0, {on.at()}, {on.at()} from {on.series(RUNS)}"""
    yield f"""insert into contacts (id, workspace_id, dedupe_key, email, name, fields, created_at, updated_at)
        select {on.id(4)}, {ws}, 'email:guest' || n || '@example.com', 'guest' || n || '@example.com', 'Guest Number ' || n,
            {nothing}, {on.at()}, {on.at()} from {on.series(guests)}"""
    yield f"""insert into invitations (id, workspace_id, event_id, contact_id, run_id, number_index, lucky_number, link, link_expires_at, step,
            state, reason, portrait_notes, render_notes, file, created_at, updated_at)
        select {on.id(5)}, {ws}, {on.id(1, 1)}, {on.id(4)}, {on.id(3, RUNS)}, n, 'A' || n, 'https://herald.example/i/' || n, {on.at()},
            case when n % 100 = 0 then 'render' else 'done' end, case when n % 100 = 0 then 'failed' else 'made' end,
            case when n % 100 = 0 then 'the picture is cut off: send another one' end, {empty}, {empty},
            case when n % 100 <> 0 then 'invitations/' || n end, {on.at()}, {on.at()} from {on.series(guests)}"""
    yield f"""insert into run_guests (run_id, position, workspace_id, invitation_id, had_one)
        select {on.id(3, RUNS)}, n, {ws}, {on.id(5)}, false from {on.series(guests)}"""
    yield f"""insert into jobs (id, workspace_id, kind, queue, args, state, priority, attempt, max_attempts, run_at, worker, batch_id,
            cancel_requested, created_at, started_at, finished_at, fingerprint)
        select {on.id(6)}, case when n in (7, 8) then {other} else {ws} end,
            case n % 3 when 0 then 'invitation.render' when 1 then 'invitation.upload' else 'invitation.publish' end,
            case n % 3 when 0 then 'cpu' when 1 then 'drive' else 'mautic' end,
            {args}, {state}, 100, case when {failed} then 1 else 0 end, 10, {on.at()}, 'bench:1',
            {batch}, false, {on.at()}, {on.at()}, case when n % 1000 >= {READY} then {on.at()} end,
            case when {failed} then {cause} end from {on.series(jobs)}"""
    yield f"""insert into job_errors (id, workspace_id, job_id, attempt, message, at, fingerprint)
        select {on.id(7)}, {ws}, {on.id(6)}, 1, 'Drive answered 503 to upload ' || n, {on.at()}, {cause} from {on.series(jobs)}
        where {failed}"""
    yield f"""insert into audit_log (id, workspace_id, seq, at, who, action, target, dry_run, affected, detail, previous_hash, hash)
        select {on.id(8)}, {ws}, n, {on.at()}, 'cli:bench', case when n % 2 = 0 then 'run.start' else 'job.retry' end, 'run ' || n, false, 1,
            '{{}}', 'before' || n, 'hash' || n from {on.series(AUDIT)}"""
    # What is measured is looking: nothing is to run meanwhile.
    yield f"insert into queues (name, paused, updated_at) values ('cpu', true, {on.at(1)}) on conflict (name) do nothing"
    yield "update queues set paused = true"


def fill(on, guests, jobs):
    for statement in statements(on, guests, jobs):
        on.run(statement)
    on.finish()


if __name__ == "__main__":
    place, many = sys.argv[1], int(sys.argv[2])
    begun = int(datetime.datetime.now().timestamp() * 1000) - APART * many
    fill((Postgres if "://" in place else Sqlite)(place, begun), many, many)
