"""Links that are followed: how many a second, how long each takes, and whether one is lost when the process is killed.

Started by `bench/run tracking` with the program; tests/run gives HERALD_TEST_POSTGRES_URL and HERALD_TEST_REDIS_URL.
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid

import psycopg

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "http"))

from servers import CONNECTIONS, Server, cpu_seconds, family, free_port, memory_mib, running  # noqa: E402

AIM = 10_000
MESSAGES, LINKS = 20_000, 5
# Connections of the load: so many readers wait for their group at once.
MANY = 256
KEY = "42" * 32


def say(text):
    print(f"[tracking] {text}", file=sys.stderr, flush=True)


def token_key():
    return hmac.digest(bytes.fromhex(KEY), b"herald link key for track", hashlib.sha256)


def token(message, number):
    named = message.bytes + number.to_bytes(2, "big")
    return base64.urlsafe_b64encode(named + hmac.digest(token_key(), named, hashlib.sha256)[:16]).decode().rstrip("=")


class Database:
    """One of the two engines, and the statements in its dialect."""

    def __init__(self, name, url):
        self.name, self.url = name, url
        self.is_sqlite = name == "SQLite"

    @contextlib.contextmanager
    def open(self):
        if self.is_sqlite:
            db = sqlite3.connect(self.url.removeprefix("sqlite:"), isolation_level=None, timeout=60)
            try:
                yield db
            finally:
                db.close()
        else:
            with psycopg.connect(self.url, autocommit=True) as db:
                yield db

    def id(self, value):
        return value.bytes if self.is_sqlite else value

    def many(self, db, sql, rows):
        mark = "?" if self.is_sqlite else "%s"
        cursor = db.cursor()
        cursor.execute("begin")
        cursor.executemany(sql.replace("$", mark), rows)
        cursor.execute("commit")

    def count(self, table):
        with self.open() as db:
            return db.execute(f"select count(*) from {table}").fetchone()[0]


def fill(database, folder):
    """A campaign with links that was sent long ago, and the links of its messages."""
    messages = [uuid.uuid4() for _ in range(MESSAGES)]
    with database.open() as db:
        # As the engine has times.
        workspace, at = db.execute("select id, created_at from workspaces limit 1").fetchone()
        campaign = uuid.uuid4()
        own = database.id(campaign)
        database.many(db, "insert into campaigns (id, workspace_id, name, channel, state, version, audience, settings, round, created_by, "
                      "created_at, updated_at) values ($, $, 'Bench', 'email', 'sent', 1, '{}', '{}', 1, 'bench', $, $)",
                      [(own, workspace, at, at)])
        database.many(db, "insert into tracked_links (workspace_id, campaign_id, number, language, target) values ($, $, $, 'en', $)",
                      [(workspace, own, number, f"https://example.com/{number}?utm_source=news") for number in range(1, LINKS + 1)])
        database.many(db, "insert into messages (id, workspace_id, campaign_id, step, channel, address, params, state, tries, sent_at, "
                      "updated_at) values ($, $, $, 1, 'email', 'guest@example.com', '{}', 'sent', 0, $, $)",
                      [(database.id(message), workspace, own, at, at) for message in messages])
        kinds = ("blob", "text") if database.is_sqlite else ("uuid", "timestamptz")
        db.execute("create table bench_clicks (id {0} primary key, workspace_id {0} not null, campaign_id {0} not null, "
                   "message_id {0} not null, number bigint not null, at {1} not null)".format(*kinds))
        db.execute("create index bench_clicks_campaign on bench_clicks (workspace_id, campaign_id, id)")
    links = folder / f"links-{database.name}.txt"
    links.write_text("".join(f"/t/{token(message, 1 + at % LINKS)}\n" for at, message in enumerate(messages)))
    return links


def load(port, links, seconds):
    command = ["wrk", "-t1", f"-c{MANY}", f"-d{seconds}s", "--timeout", "30s", "-s", HERE / "load.lua", f"http://127.0.0.1:{port}", "--", links]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)


def ended(process):
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"wrk failed: {out}")
    return json.loads(out.splitlines()[-1])


def settle(database, table, seconds=20):
    """The rows once none comes any more."""
    before, deadline = -1, time.monotonic() + seconds
    while (now := database.count(table)) != before and time.monotonic() < deadline:
        before = now
        time.sleep(0.5)
    return now


def one(server, database, port, links, table, folder, seconds):
    say(f"{server.name} on {database.name}")
    ready = f"http://127.0.0.1:{port}{links.read_text().splitlines()[0]}"
    with running(server, f"http://127.0.0.1:{port}/t/x", folder / f"{server.name}-{database.name}.log") as pid:
        ended(load(port, links, 2))
        before, rows = cpu_seconds(pid), settle(database, table)
        found = ended(load(port, links, seconds))
        found |= {"name": server.name, "database": database.name, "cpu": cpu_seconds(pid) - before, "memory": memory_mib(pid)}
        if found["failed"]:
            raise RuntimeError(f"{found['failed']} of {found['requests']} links led nowhere; such as {ready}")
        found["per_second"] = found["requests"] / found["seconds"]
        # wrk leaves the last answers unread.
        found["written"] = settle(database, table) - rows
        before = settle(database, table)
        killed = load(port, links, 4)
        time.sleep(2)
        for process in family(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        answered = ended(killed)["requests"]
        found["lost"] = max(answered - (settle(database, table) - before), 0)
        found["answered_before_kill"] = answered
    return found


def table_of(all_found):
    heads = ["links followed", "on", "a second", "p50 ms", "p99 ms", "CPU µs", "MiB", "lost at kill -9", f"aim {AIM:,} a second"]
    rows = []
    for found in all_found:
        aim = "" if found["name"] != "Herald" else "reached" if found["per_second"] >= AIM else "missed"
        rows.append([found["name"], found["database"], f"{found['per_second']:.0f}", f"{found['p50']:.1f}", f"{found['p99']:.1f}",
                     f"{found['cpu'] / found['requests'] * 1e6:.0f}", f"{found['memory']:.0f}",
                     f"{found['lost']} of {found['answered_before_kill']}", aim])
    widths = [max(len(str(row[at])) for row in [heads, *rows]) for at in range(len(heads))]
    line = lambda cells: "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(cells, widths)) + " |"
    return "\n".join([line(heads), "|-" + "-|-".join("-" * width for width in widths) + "-|", *map(line, rows)])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("herald", type=pathlib.Path)
    arguments.add_argument("--results", type=pathlib.Path, required=True)
    arguments.add_argument("--seconds", type=int, default=10)
    asked = arguments.parse_args()
    postgres, redis = os.environ["HERALD_TEST_POSTGRES_URL"], os.environ["HERALD_TEST_REDIS_URL"]
    found = []
    with tempfile.TemporaryDirectory(prefix="herald-tracking.") as folder:
        folder = pathlib.Path(folder)
        for name in ["PostgreSQL", "SQLite"]:
            data, port = folder / name, free_port()
            herald = [str(asked.herald), "--data", str(data)]
            common = {"HERALD__LINKS__KEY": KEY, "HERALD__HTTP__MAX_CONNECTIONS_PER_ADDRESS": "4096"}
            if name == "PostgreSQL":
                database = Database(name, postgres)
                own = {**common, "HERALD__DATABASE__URL": postgres, "HERALD__DATABASE__MAX_CONNECTIONS": str(CONNECTIONS), "HERALD__REDIS__URL": redis}
                ours = Server("Herald", [*herald, "api", "--listen", f"127.0.0.1:{port}"], own)
            else:
                database = Database(name, f"sqlite:{data / 'herald.db'}")
                ours = Server("Herald", [*herald, "up", "--listen", f"127.0.0.1:{port}"], common)
            subprocess.run([*herald, "migrate"], env={**os.environ, **ours.environment}, check=True, stdout=subprocess.DEVNULL)
            with running(ours, f"http://127.0.0.1:{port}/t/x", folder / f"prepare-{name}.log"):
                pass
            links = fill(database, folder)
            workers = os.cpu_count()
            peer = Server(
                "FastAPI",
                [pathlib.Path(sys.executable).parent / "uvicorn", "fastapi_peer:app", "--port", port, "--workers", workers, "--loop", "uvloop",
                 "--http", "httptools"],
                {"BENCH_DATABASE": database.url, "BENCH_KEY": token_key().hex(), "BENCH_CONNECTIONS": str(max(CONNECTIONS // workers, 1)),
                 "PYTHONPATH": str(HERE)},
            )
            found.append(one(ours, database, port, links, "tracking_events", folder, asked.seconds))
            found.append(one(peer, database, port, links, "bench_clicks", folder, asked.seconds))
    asked.results.joinpath("tracking.json").write_text(json.dumps(found, indent=1))
    text = table_of(found)
    asked.results.joinpath("tracking.md").write_text(text + "\n")
    print(text)


main()
