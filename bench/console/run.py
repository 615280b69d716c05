"""What the console's pages cost at a million guests and a million jobs, beside Django's admin and Bull-board.

Started by `bench/run console`; tests/run gives HERALD_TEST_POSTGRES_URL and HERALD_TEST_REDIS_URL. README.md of bench/
says what is measured and how."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import tempfile
import urllib.parse

import psycopg
from playwright.sync_api import sync_playwright

import peers
import rows
from measure import Client, opened, timed
from peers import EMAIL, PASSWORD, say

AIM = 10
BROWSER = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
# `{run}`, `{job}` and `{cause}` stand for ids that the lists name.
PAGES = {
    "Today": "", "Runs": "/runs", "A run of all guests": "/runs/{run}", "…, failed guests": "/runs/{run}?state=failed",
    "Jobs": "/jobs", "…, dead": "/jobs?state=dead", "…, waiting": "/jobs?state=ready", "…, running": "/jobs?state=running",
    "…, cancelled": "/jobs?state=cancelled", "…, of a kind": "/jobs?kind=invitation.render",
    "…, of a kind without jobs": "/jobs?kind=probe.run", "…, of a cause": "/jobs?fingerprint={cause}", "A job": "/jobs/{job}",
    "Failures": "/failures", "Queues": "/queues", "A queue": "/queues/drive", "Workers": "/workers", "Schedules": "/schedules",
    "Audit": "/audit", "…, by action": "/audit?action=queue.pause", "Health": "/health", "Accounts": "/connections",
    "Members": "/members", "Keys": "/keys", "Templates": "/templates", "An act on dead jobs": "/jobs/act/retry?state=dead",
}
LOOKED_AT = ["Jobs", "A run of all guests", "Failures"]


def ids(client, base):
    """What the lists name first."""
    def first(path, pattern):
        client.connection.request("GET", base + path, headers={"Cookie": client.cookies})
        text = client.connection.getresponse().read().decode()
        return re.search(pattern, text)[1]
    one = r"/([0-9a-f]{8}-[0-9a-f-]{27})"
    return {
        "run": first("/runs", "/runs" + one), "job": first("/jobs?state=dead", "/jobs" + one),
        "cause": first("/failures", r"fingerprint=(\w+)"),
    }


def of_herald(browser, program, folder, database, many, times):
    """Times of every page, and what a browser sees of some."""
    with peers.herald(program, folder, database) as (_, log):
        peers.first_person(browser, log)
    start = int(datetime.datetime.now().timestamp() * 1000) - rows.APART * many
    say(f"filling {'PostgreSQL' if database else 'SQLite'} with {many:,} guests and jobs")
    rows.fill(rows.Postgres(database, start) if database else rows.Sqlite(folder / "data/herald.db", start), many, many)
    found = {}
    with peers.herald(program, folder, database) as (base, _):
        state, cookies = peers.signed_in(browser, f"{base}/sign-in", {"email": EMAIL, "password": PASSWORD}, "button.primary")
        client = Client(base, cookies)
        known = ids(client, "/w/default")
        for name, path in PAGES.items():
            path = f"/w/default{path.format(**known)}"
            found[name] = timed(client, path, times)
            if name in LOOKED_AT and database:
                found[name] |= opened(browser, state, base + path)
            say(f"{name}: {found[name]['p95']:.1f} ms")
    return found


def of_django(browser, database, folder, times):
    with peers.django(database, folder) as base:
        fields = {"username": "bench", "password": PASSWORD}
        state, cookies = peers.signed_in(browser, f"{base}/admin/login/?next=/admin/", fields, "input[type=submit]")
        client = Client(base, cookies)
        lists = {
            "Guests": "/admin/auth/guest/", "…, failed": "/admin/auth/guest/?state__exact=failed",
            "…, search for a name": "/admin/auth/guest/?q=Number+999999", "Jobs": "/admin/auth/job/",
            "…, dead": "/admin/auth/job/?state__exact=dead", "…, of a kind": "/admin/auth/job/?kind__exact=invitation.render",
        }
        return {name: timed(client, path, times, 20) | opened(browser, state, base + path) for name, path in lists.items()}


def of_bull_board(browser, redis, many, folder, cache, times):
    with peers.bull_board(redis, many, folder, cache) as base:
        client = Client(base)
        asked = "/board/api/queues?activeQueue=invitations&status=waiting&page=1&jobsPerPage=50"
        page = opened(browser, None, f"{base}/board/queue/invitations?status=waiting")
        return {"Jobs (its API alone)": timed(client, asked, times, 20) | page}


def table(heads, lines):
    widths = [max(len(str(line[at])) for line in [heads, *lines]) for at in range(len(heads))]
    line = lambda cells: "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(cells, widths)) + " |"
    return "\n".join([line(heads), "|-" + "-|-".join("-" * width for width in widths) + "-|", *map(line, lines)])


def report(found, many):
    text = [f"{many:,} guests and {many:,} jobs; milliseconds of the server, the aim is {AIM} at the 95th percentile", ""]
    ours = [(name, found["PostgreSQL"][name], found["SQLite"][name]) for name in PAGES]
    cells = lambda one: [f"{one['median']:.1f}", f"{one['p95']:.1f}"]
    lines = [[name, *cells(on), *cells(lite), f"{on['weight'] / 1000:.1f}"] for name, on, lite in ours]
    text += [table(["page", "PostgreSQL", "p95", "SQLite", "p95", "kB compressed"], lines), ""]
    lines = []
    for whose in ("PostgreSQL", "Django", "Bull-board"):
        for name, one in found[whose].items():
            if "requests" in one:
                title = "Herald" if whose == "PostgreSQL" else whose
                lines.append([title, name, *cells(one), one["requests"], one["later"], f"{one['kilobytes']:.0f}", len(one["violations"])])
    text.append(table(["", "page", "median", "p95", "requests", "requests, later", "kB to load", "axe"], lines))
    slow = [f"{name} on {on}" for on in ("PostgreSQL", "SQLite") for name in PAGES if found[on][name]["p95"] > AIM]
    text += ["", f"over {AIM} ms: {', '.join(slow) or 'none'}"]
    return "\n".join(text)


@contextlib.contextmanager
def database_of(server):
    """A database of its own, gone afterwards."""
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("drop database if exists herald_console")
        db.execute("create database herald_console")
        yield urllib.parse.urlsplit(server)._replace(path="/herald_console").geturl()
        db.execute("drop database herald_console with (force)")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("herald")
    arguments.add_argument("--browser", required=True)
    arguments.add_argument("--cache", required=True, type=pathlib.Path)
    arguments.add_argument("--results", required=True, type=pathlib.Path)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--times", type=int, default=200)
    asked = arguments.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(prefix="herald-bench-console.") as folder, sync_playwright() as playwright:
        folder = pathlib.Path(folder)
        browser = playwright.chromium.launch(executable_path=asked.browser, args=BROWSER)
        for name in ("sqlite", "postgres"):
            (folder / name).mkdir()
        with database_of(os.environ["HERALD_TEST_POSTGRES_URL"]) as database:
            found["PostgreSQL"] = of_herald(browser, asked.herald, folder / "postgres", database, asked.rows, asked.times)
            found["Django"] = of_django(browser, database, folder, asked.times)
        found["SQLite"] = of_herald(browser, asked.herald, folder / "sqlite", None, asked.rows, asked.times)
        found["Bull-board"] = of_bull_board(browser, os.environ["HERALD_TEST_REDIS_URL"], asked.rows, folder, asked.cache, asked.times)
        browser.close()
    text = report(found, asked.rows)
    (asked.results / "console.json").write_text(json.dumps(found, indent=1))
    (asked.results / "console.md").write_text(text + "\n")
    print(text)


main()
