"""What imports, exports, segments and reports of contacts cost on both engines, beside readers in Python.

Started by `bench/run contacts`; tests/run gives HERALD_TEST_POSTGRES_URL. README.md of bench/ says what is measured."""

import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import psycopg

from peers import children, peer

EDGE = "herald-bench"
RULE = {"all": [
    {"field": {"name": "country", "is": "equal", "value": "ES"}},
    {"field": {"name": "score", "is": "at_least", "value": "40"}},
    {"not": {"field": {"name": "email", "is": "empty"}}},
    {"any": [{"tag": "vip"}, {"field": {"name": "name", "is": "begins", "value": "Person 9"}}]},
    {"activity": {"kind": "contact.imported", "within_days": 30}},
]}


def say(text):
    print(f"[contacts] {text}", file=sys.stderr, flush=True)


def person(number):
    country = ("ES", "FR", "JP", "US", "BR")[number % 5]
    return [f"Person {number}", f"person{number}@example.com", f"+1202555{number % 10000:04d}", country, str(number % 100), "vip" if number % 7 == 0 else ""]


# The rows of a list that is exported at once.
FEW = 20_000
HEAD = ["name", "email", "phone", "country", "score", "tags"]


def write_csv(path, rows):
    with open(path, "w") as out:
        out.write(",".join(HEAD) + "\n")
        # Every thousandth row has an address that is none.
        for number in range(rows):
            cells = person(number)
            if number % 1000 == 999:
                cells[1] = "nowhere"
            out.write(",".join(cells) + "\n")


def write_xlsx(path, rows):
    import xlsxwriter
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet()
    more = [f"field {number}" for number in range(6)]
    for column, name in enumerate(HEAD + more):
        sheet.write_string(0, column, name)
    for number in range(rows):
        for column, cell in enumerate(person(number)):
            sheet.write_string(number + 1, column, cell)
        for column in range(6):
            sheet.write_number(number + 1, 6 + column, number * (column + 1) / 4)
    book.close()


class Herald:
    """The program on one engine."""

    def __init__(self, program, folder, database):
        self.folder, self.database = folder, database
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {**os.environ, "HERALD__DATABASE__URL": database or "", "HERALD__LIMITS__GENERAL": "false", "HERALD__LOG__LEVEL": "warn"}
        self.command = [str(program), "--data", str(folder / "data")]
        made = subprocess.run([*self.command, "keys", "make", "bench", "--role", "owner"], env=self.environment, check=True, capture_output=True, text=True)
        self.key = re.search(r"herald_\S+|hk_\S+|\S{40,}", made.stdout)[0]

    @contextlib.contextmanager
    def running(self):
        with open(self.folder / "herald.log", "wb") as log:
            process = subprocess.Popen([*self.command, "up", "--listen", f"127.0.0.1:{self.port}"], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            self.pid = process.pid
            try:
                deadline = time.monotonic() + 60
                while True:
                    with contextlib.suppress(OSError):
                        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5).close()
                        break
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError(f"Herald does not answer; see {self.folder}/herald.log")
                    time.sleep(0.1)
                yield self
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(60)

    def call(self, method, path, body=None, kind="application/json", more={}):
        body = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind, **more}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.load(answer)

    def upload(self, path, **fields):
        parts = [f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
        head = f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'.encode()
        parts, end = [*parts, head], f"\r\n--{EDGE}--\r\n".encode()
        length = sum(map(len, parts)) + path.stat().st_size + len(end)

        # In pieces: the most memory of programs that are started later would count the whole list.
        def body():
            yield from parts
            with open(path, "rb") as file:
                while piece := file.read(1 << 16):
                    yield piece
            yield end

        return self.call("POST", "/imports", body(), f"multipart/form-data; boundary={EDGE}", {"Content-Length": str(length)})["id"]

    def wait(self, path, states):
        """Seconds until it is in one of these states, and what it is then."""
        begun = time.monotonic()
        while (found := self.call("GET", path))["state"] not in states:
            if found["state"] in ("failed", "cancelled"):
                raise RuntimeError(f"{path}: {found}")
            time.sleep(0.02)
        return time.monotonic() - begun, found

    def of_children(self):
        """Seconds of CPU that its children have taken so far which have ended."""
        after_name = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[13]) + int(after_name[14])) / os.sysconf("SC_CLK_TCK")

    def peak(self):
        """The most memory of the program so far, in MiB."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def of_herald(herald, lists, rows):
    found = {}
    with herald.running():
        idle = herald.peak()
        id = herald.upload(lists["few"], starts_itself="true")
        herald.wait(f"/imports/{id}", ["done"])
        for form in ("csv", "xlsx"):
            id = herald.call("POST", "/exports", {"what": "contacts", "format": form})["id"]
            found[f"export of {FEW:,} rows as {form}, s"] = herald.wait(f"/exports/{id}", ["done"])[0]
        for name in ("first", "again"):
            id = herald.upload(lists["csv"])
            found[f"check, {name}"] = rows / herald.wait(f"/imports/{id}", ["checked"])[0]
            herald.call("POST", f"/imports/{id}/start")
            seconds, done = herald.wait(f"/imports/{id}", ["done"])
            found[f"import, {name}"] = rows / seconds
            say(f"import, {name}: {rows / seconds:,.0f} rows a second; {done['created']:,} new, {done['refused']:,} refused")
        found["memory of imports, MiB"] = herald.peak() - idle
        before = herald.of_children()
        id = herald.upload(lists["xlsx"])
        found["workbook read and checked, s"] = herald.wait(f"/imports/{id}", ["checked"])[0]
        found["of that its reading in a child, s of CPU"] = herald.of_children() - before
        times = []
        for _ in range(20):
            begun = time.monotonic()
            members = herald.call("POST", "/segments/preview", {"rule": RULE})["contacts"]
            times.append((time.monotonic() - begun) * 1000)
        found["segment of six rules, p95 ms"] = statistics.quantiles(times, n=20)[18]
        say(f"a segment has {members:,} members, {statistics.median(times):.0f} ms")
        for form in ("csv", "xlsx"):
            id = herald.call("POST", "/exports", {"what": "contacts", "format": form})["id"]
            seconds, done = herald.wait(f"/exports/{id}", ["done"])
            found[f"export as {form}, rows/s"] = done["rows"] / seconds
        found["memory in all, MiB"] = herald.peak() - idle
    return found


def add_leads(herald, rows):
    """Leads of today, one for each of so many contacts: one by the API, the others like it by the database itself."""
    with herald.running():
        herald.call("POST", "/leads", {"key": "first", "contact": {"name": "Lead Example"}, "lead": {"need": "A dinner", "value_minor": 100, "currency": "EUR", "source": "website"}})
    like = "insert into leads (id, workspace_id, contact_id, status_id, need, need_key, value_minor, currency, source, version, created_at, updated_at) " \
        "select {id}, l.workspace_id, c.id, l.status_id, l.need, l.need_key, l.value_minor, l.currency, l.source, l.version, l.created_at, l.updated_at " \
        f"from leads l cross join (select id from contacts order by id limit {rows - 1}) c"
    if herald.database:
        with psycopg.connect(herald.database, autocommit=True) as db:
            db.execute(like.format(id="gen_random_uuid()"))
            db.execute("vacuum analyze")
    else:
        with contextlib.closing(sqlite3.connect(herald.folder / "data/herald.db", isolation_level=None)) as db:
            db.execute(like.format(id="randomblob(16)"))


def report(herald, rows, found):
    add_leads(herald, rows)
    made = children([*herald.command, "report", "daily-leads", "--day", "today", "--out", herald.folder / "report.xlsx"], env=herald.environment)
    found[f"report of {rows:,} leads, s of CPU"] = made["cpu"]
    found["its memory, MiB"] = made["MiB"]


def of_peers(lists, folder, database, leads):
    """What the libraries of the replaced systems take for the same, each in a process of its own."""
    found = {}

    def tell(name, text):
        found[name] = text
        say(f"{name}: {text}")

    for bulk in ("row by row", "bulk"):
        done = peer("django-import-export", database, lists["csv"], 20_000, bulk)
        tell(f"django-import-export, {bulk}", f"{done['rows/s']:,.0f} rows a second ({done['refused']} refused), {done['MiB']:.0f} MiB for 20,000 rows")
    done = peer("polars", lists["csv"])
    tell("polars, the cells alone", f"{done['rows/s']:,.0f} rows a second, {done['MiB']:.0f} MiB")
    for name in ("openpyxl, read", "python-calamine, read"):
        done = peer(name, lists["xlsx"])
        tell(f"{name} the workbook", f"{done['cpu']:.1f} s of CPU, {done['MiB']:.0f} MiB")
    for name in ("openpyxl, written", "XlsxWriter, written"):
        done = peer(name, folder / "peer.xlsx", leads)
        tell(f"{name} a report of {leads:,} rows", f"{done['cpu']:.1f} s of CPU, {done['MiB']:.0f} MiB")
    done = peer("Django ORM", database, 20)
    tell("Django ORM, the segment", f"p95 {done['p95 ms']:.0f} ms, {done['members']:,} members")
    return found


@contextlib.contextmanager
def database_of(server):
    """A database of its own, gone afterwards."""
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("drop database if exists herald_contacts")
        db.execute("create database herald_contacts")
        yield urllib.parse.urlsplit(server)._replace(path="/herald_contacts").geturl()
        db.execute("drop database herald_contacts with (force)")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("herald", type=pathlib.Path)
    arguments.add_argument("--results", required=True, type=pathlib.Path)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--sheet-rows", type=int, default=200_000)
    arguments.add_argument("--leads", type=int, default=100_000)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="herald-bench-contacts.") as folder:
        folder = pathlib.Path(folder)
        lists = {"csv": folder / "people.csv", "xlsx": folder / "people.xlsx", "few": folder / "few.csv"}
        say(f"writing {asked.rows:,} rows of CSV and {asked.sheet_rows:,} of a workbook")
        write_csv(lists["csv"], asked.rows)
        write_csv(lists["few"], FEW)
        write_xlsx(lists["xlsx"], asked.sheet_rows)
        found = {}

        def keep():
            # After each part, so that a later one that fails loses nothing.
            (asked.results / "contacts.json").write_text(json.dumps(found, indent=1))

        def of(name, database):
            say(name)
            herald = Herald(asked.herald, folder / name.lower(), database)
            found[name] = of_herald(herald, lists, asked.rows)
            report(herald, asked.leads, found[name])
            keep()

        (folder / "sqlite").mkdir()
        (folder / "postgresql").mkdir()
        of("SQLite", None)
        with database_of(os.environ["HERALD_TEST_POSTGRES_URL"]) as database:
            of("PostgreSQL", database)
            found["peers"] = of_peers(lists, folder, database, asked.leads)
            keep()
    lines = ["| | SQLite | PostgreSQL |", "|---|--:|--:|"]
    lines += [f"| {name} | {found['SQLite'][name]:,.1f} | {found['PostgreSQL'][name]:,.1f} |" for name in found["SQLite"]]
    lines += ["", *(f"- {name}: {text}" for name, text in found["peers"].items())]
    (asked.results / "contacts.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


main()
