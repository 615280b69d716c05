"""Mails of campaigns: built, sent over SMTP to a sink in another process, and recorded, on both engines, beside others.

Started by `bench/run mail`; tests/run gives HERALD_TEST_POSTGRES_URL. README.md of bench/ says what is measured."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

import psycopg

import letter
import plan
from herald import Herald
from peers import ADDRESS
from sink import Sink
from usage import Watch, parent_of

HERE = pathlib.Path(__file__).resolve().parent
EVERYBODY = {"everybody": True}
HEAD = ["", "engine", "mails", "a second", "first tenth", "last tenth", "CPU s per 1,000", "database's", "peak MiB"]


def say(text):
    print(f"[mail] {text}", file=sys.stderr, flush=True)


def table(head, rows):
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


class Engine:
    """A database that is gone afterwards: a file of SQLite, or one of the server's."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder / name.lower()
        self.folder.mkdir()
        self.server = os.environ["HERALD_TEST_POSTGRES_URL"]
        self.is_server = name == "PostgreSQL"

    @contextlib.contextmanager
    def database(self, of):
        """The address for Herald; for a peer, of which SQLite needs the path."""
        if not self.is_server:
            path = self.folder / f"{of}.db"
            yield None if of == "herald" else str(path)
            for left in self.folder.glob(f"{of}.db*"):
                left.unlink()
            return
        name = f"herald_mail_{of}".replace("-", "_")
        with psycopg.connect(self.server, autocommit=True) as db:
            db.execute(f"drop database if exists {name} with (force)")
            db.execute(f"create database {name}")
            yield urllib.parse.urlsplit(self.server)._replace(path=f"/{name}").geturl()
            db.execute(f"drop database {name} with (force)")

    def processes(self):
        """The server's, for the watch."""
        if not self.is_server:
            return {}
        with psycopg.connect(self.server) as db:
            return {"database": parent_of(db.execute("select pg_backend_pid()").fetchone()[0])}


def row(name, engine, mails, seconds, counted, watch):
    used = watch.seconds()
    server = used.pop("database", None)
    return {
        "name": name, "engine": engine, "mails": mails, "a second": mails / seconds, "first tenth": counted["first_tenth"],
        "last tenth": counted["last_tenth"], "bytes a mail": counted["bytes"] / mails, "CPU s per 1,000": sum(used.values()) / mails * 1_000,
        "database's": server and server / mails * 1_000, "MiB": max((watch.peak[one] for one in used), default=0),
    }


def cells(row):
    figures = [f"{row[name]:,.0f}" for name in ("mails", "a second", "first tenth", "last tenth")]
    server = "" if row["database's"] is None else f"{row[HEAD[7]]:.3f}"
    return [row["name"], row["engine"], *figures, f"{row[HEAD[6]]:.3f}", server, f"{row['MiB']:.0f}"]


def of_herald(asked, engine, sink, found):
    with engine.database("herald") as database:
        herald = Herald(asked.herald, engine.folder, database, sink.port, asked.connections, settings(asked))
        with herald.running():
            say(f"{engine.name}: taking {asked.recipients:,} contacts in")
            herald.take_in(asked.recipients)
        for answer in asked.answers:
            sink.start(answer, asked.pipelining)
            # Each time in a process that has sent nothing yet, for its memory.
            with herald.running():
                campaign = herald.approved(f"Spring {answer}", herald.sender(f"News {answer}"), EVERYBODY)
                with Watch(herald=herald.pid, **engine.processes()) as watch:
                    seconds = herald.send(campaign)
            counted = sink.took(asked.recipients)
            found.setdefault(answer, []).append(row("Herald", engine.name, asked.recipients, seconds, counted, watch))
            say(" | ".join(cells(found[answer][-1])))


def settings(asked):
    return {"HERALD__WORKER__BULK": str(asked.bulk)}


def of_peers(asked, engine, sink, found):
    peers = {
        "django-post-office": [sys.executable, HERE / "peers.py", "django-post-office"],
        "aiosmtplib": [sys.executable, HERE / "peers.py", "aiosmtplib"],
        "nodemailer": ["node", asked.cache / "nodemailer/peer.mjs"],
    }
    for name, command in peers.items():
        # Node.js has no SQLite before its version 22, and its packages are compiled.
        if name not in asked.peers or (name == "nodemailer" and not engine.is_server):
            continue
        for answer in asked.answers:
            with engine.database(name) as database:
                said, counted, watch = run_peer(asked, engine, sink, answer, command, database, name == "nodemailer")
            if said["sent"] != asked.peer_recipients:
                raise RuntimeError(f"{name} recorded {said['sent']} of {asked.peer_recipients} mails")
            found.setdefault(answer, []).append(row(name, engine.name, asked.peer_recipients, said["seconds"], counted, watch))
            say(" | ".join(cells(found[answer][-1])))


def run_peer(asked, engine, sink, answer, command, database, wants_letter):
    sink.start(answer, asked.pipelining)
    command = [*map(str, command), database, str(sink.port), str(asked.peer_recipients), str(asked.connections)]
    if wants_letter:
        command.append(str(written_letter(engine.folder)))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with Watch(peer=process.pid, **engine.processes()) as watch:
        said = process.stdout.read()
    if process.wait():
        raise RuntimeError(f"{command[1]} ended with {process.returncode}")
    return json.loads(said), sink.took(asked.peer_recipients), watch


def written_letter(folder):
    places = ("%NAME%", "%LINK%", ADDRESS)
    path = folder / "letter.json"
    path.write_text(json.dumps({"subject": letter.SUBJECT.format(name=places[0]), "html": letter.html(*places), "text": letter.text(*places)}))
    return path


def of_postfix(asked, sink, found):
    """smtp-source: the same bytes again and again, with no database and nothing built. What the wire and the sink give."""
    program = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    size = max(round(rows[0]["bytes a mail"]) for rows in found.values())
    for answer in asked.answers:
        sink.start(answer, asked.pipelining)
        command = [program, "-d", "-s", str(asked.connections), "-m", str(asked.recipients), "-l", str(size), "-f", "news@example.com", "-t", "guest@example.com", f"inet:127.0.0.1:{sink.port}"]
        begun = time.monotonic()
        process = subprocess.Popen(command)
        with Watch(source=process.pid) as watch:
            process.wait()
        seconds = time.monotonic() - begun
        if process.returncode:
            raise RuntimeError(f"smtp-source ended with {process.returncode}")
        found.setdefault(answer, []).append(row("smtp-source", "none", asked.recipients, seconds, sink.took(asked.recipients, anybody=True), watch))
        say(" | ".join(cells(found[answer][-1])))


def throughput(asked, folder):
    found = {}
    with Sink(asked.bench) as sink:
        for name in asked.engines:
            engine = Engine(name, folder)
            of_herald(asked, engine, sink, found)
            of_peers(asked, engine, sink, found)
        if "smtp-source" in asked.peers:
            of_postfix(asked, sink, found)
    parts = [f"Answers after {answer} ms:\n\n{table(HEAD, map(cells, rows))}" for answer, rows in found.items()]
    return found, "\n\n".join(parts)


def rates(asked, folder):
    """A sender with a rate, for a minute: mails a second at the sink, as a whole and in each second."""
    found = []
    mails = asked.rate * asked.seconds
    with Sink(asked.bench) as sink:
        for name in asked.engines:
            engine = Engine(name, folder)
            with engine.database("herald") as database:
                herald = Herald(asked.herald, engine.folder, database, sink.port, asked.connections, settings(asked))
                with herald.running():
                    herald.take_in(mails)
                    for answer in asked.answers:
                        sink.start(answer, asked.pipelining)
                        herald.send(herald.approved(f"Spring {answer}", herald.sender(f"News {answer}", rate_per_second=asked.rate), EVERYBODY))
                        counted = sink.took(mails)
                        seconds = counted["seconds"]
                        found.append({"engine": name, "answer": answer, "rate": counted["rate"], "least": min(seconds), "most": max(seconds)})
                        say(f"{found[-1]}")
    def verdict(one):
        off = one["rate"] / asked.rate * 100 - 100
        return f"{off:+.2f} % ({'reached' if abs(off) <= 2 else 'missed'})"
    head = [f"{asked.rate} mails a second", "answers after, ms", "a second", "off, aim ±2 %", "least in a second", "most"]
    rows = [[one["engine"], one["answer"], f"{one['rate']:.1f}", verdict(one), one["least"], one["most"]] for one in found]
    return found, table(head, rows)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("herald", type=pathlib.Path)
    arguments.add_argument("bench", type=pathlib.Path)
    arguments.add_argument("--results", required=True, type=pathlib.Path)
    arguments.add_argument("--cache", required=True, type=pathlib.Path)
    arguments.add_argument("--recipients", type=int, default=100_000)
    arguments.add_argument("--peer-recipients", type=int, default=10_000, help="mails of each peer, which are slower")
    arguments.add_argument("--answers", type=lambda text: [int(one) for one in text.split(",")], help="milliseconds that each answer of the server takes")
    arguments.add_argument("--no-pipelining", dest="pipelining", action="store_false", help="the server does not offer PIPELINING")
    arguments.add_argument("--connections", type=int, default=100)
    arguments.add_argument("--bulk", type=int, default=4, help="parts of campaigns at once")
    arguments.add_argument("--engines", type=lambda text: text.split(","), default=["SQLite", "PostgreSQL"])
    arguments.add_argument("--peers", type=lambda text: text.split(","), default=["django-post-office", "aiosmtplib", "nodemailer", "smtp-source"])
    arguments.add_argument("--rate", type=int, help="measure how well this rate of a sender is held, instead")
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--plan", type=int, help="measure the planning of so many recipients, instead")
    asked = arguments.parse_args()
    name = "mail-rate" if asked.rate else "mail-plan" if asked.plan else "mail"
    asked.answers = asked.answers or ([5, 50, 200] if asked.rate else [0, 20, 50])
    with tempfile.TemporaryDirectory(prefix="herald-bench-mail.") as folder:
        folder = pathlib.Path(folder)
        if asked.plan:
            found, text = plan.measure(asked, folder, Engine, settings(asked), say, table)
        else:
            found, text = (rates if asked.rate else throughput)(asked, folder)
    (asked.results / f"{name}.json").write_text(json.dumps(found, indent=1))
    (asked.results / f"{name}.md").write_text(text + "\n")
    print(text)


main()
