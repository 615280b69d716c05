"""Requests a second and for a second of processor time, of Herald and of peers in Python. README.md of bench/ says what and how.

Started by `bench/run http` with the program; tests/run gives HERALD_TEST_POSTGRES_URL and HERALD_TEST_REDIS_URL.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import psycopg

import orders
from servers import CONNECTIONS, HERE, cpu_seconds, free_port, memory_mib, running, servers

EMAIL, PASSWORD = "bench@example.com", "four words make sense"
AIM = 10
# Connections of the load, and of the logins.
MANY, LOGINS = 32, 50


def say(text):
    print(f"[http] {text}", file=sys.stderr, flush=True)


def wrk(url, what, *arguments, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", HERE / "load.lua", url, "--", what, *arguments]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)


def measured(load):
    out, _ = load.communicate()
    if load.returncode:
        raise RuntimeError(f"wrk failed: {out}")
    found = json.loads(out.splitlines()[-1])
    if found["failed"]:
        raise RuntimeError(f"{found['failed']} of {found['requests']} requests failed")
    return found


def call(url, key, method, body):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class Scene:
    """The database as every server finds it: a key, a connection, a person, a job that waits."""

    def __init__(self, herald, settings, port, database, folder):
        self.database, self.port, self.settings = database, port, settings
        url = f"http://127.0.0.1:{port}"
        api = servers(herald, settings, port, database)[0]
        subprocess.run([*herald, "migrate"], env={**os.environ, **settings}, check=True, stdout=subprocess.DEVNULL)
        with running(api, f"{url}/readyz", folder / "prepare.log"):
            lines = (folder / "prepare.log").read_text().splitlines()
            self.key = next(line.rsplit(" ", 1)[1] for line in lines if line.startswith("admin token"))
            account = {"provider": "mautic", "url": "https://crm.example.com", "user": "herald", "password": "not a secret"}
            call(f"{url}/api/v1/connections/crm", self.key, "PUT", account)
            self.job = call(f"{url}/api/v1/connections/crm/test", self.key, "POST", {"target": "7"})["job_id"]
            self.connection = call(f"{url}/api/v1/connections/crm", self.key, "GET", None)["id"]
        password = {"input": PASSWORD.encode(), "env": {**os.environ, **settings}, "stdout": subprocess.DEVNULL}
        subprocess.run([*herald, "users", "add", EMAIL, "--secret-file", "-"], check=True, **password)
        with psycopg.connect(database, autocommit=True) as db:
            db.execute("create table bench_sessions (id uuid primary key, user_id uuid, token_hash text unique, created_at timestamptz)")
            self.postmaster = parent(db.execute("select pg_backend_pid()").fetchone()[0])

    def tidy(self):
        """So that each begins with the same tables."""
        with psycopg.connect(self.database, autocommit=True) as db:
            db.execute("delete from jobs where id <> %s", (self.job,))
            db.execute("vacuum analyze")
            db.execute("checkpoint")


def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def under_load(scene, pid, url, what, *arguments, seconds):
    measured(wrk(url, what, scene.key, *(f"warm{argument}" for argument in arguments), connections=MANY, seconds=2))
    before = cpu_seconds(pid), cpu_seconds(scene.postmaster)
    found = measured(wrk(url, what, scene.key, *arguments, connections=MANY, seconds=seconds))
    found["cpu"] = cpu_seconds(pid) - before[0]
    found["database_cpu"] = cpu_seconds(scene.postmaster) - before[1]
    found["per_second"] = found["requests"] / found["seconds"]
    found["per_cpu_second"] = found["requests"] / found["cpu"]
    return found


def one_server(scene, server, folder, seconds):
    say(server.name)
    scene.tidy()
    base = f"http://127.0.0.1:{scene.port}"
    job, test = f"{base}/api/v1/jobs/{scene.job}", f"{base}/api/v1/connections/crm/test"
    with running(server, job, folder / f"{server.name}.log") as pid:
        found = {"name": server.name, "get": under_load(scene, pid, job, "get", seconds=seconds)}
        found["post"] = under_load(scene, pid, test, "post", server.name, seconds=seconds)
        found["memory"] = memory_mib(pid)
        if server.name == "Herald":
            url = f"{base}/api/v1/jobs"
            found["order"] = under_load(scene, pid, url, "order", f"{server.name}\t{scene.connection}", seconds=seconds)
            found["bulk"] = orders.measure(scene, pid)
            scene.tidy()
        found["idle"] = measured(wrk(job, "get", scene.key, connections=1, seconds=seconds))
        body = json.dumps({"email": EMAIL, "password": PASSWORD})
        logins = wrk(f"{base}/api/v1/auth/login", "login", body, connections=LOGINS, seconds=seconds + 2)
        found["meanwhile"] = measured(wrk(job, "get", scene.key, connections=1, seconds=seconds))
        found["logins"] = measured(logins)
        found["memory_after_logins"] = memory_mib(pid)
    return found


def table(heads, rows):
    widths = [max(len(str(row[at])) for row in [heads, *rows]) for at in range(len(heads))]
    line = lambda cells: "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(cells, widths)) + " |"
    return "\n".join([line(heads), "|-" + "-|-".join("-" * width for width in widths) + "-|", *map(line, rows)])


def report(all_found):
    ours = all_found[0]
    text = []
    for what, title in [("get", "GET of a job"), ("post", "POST of a job")]:
        rows = []
        for found in all_found:
            it, ratio = found[what], ours[what]["per_cpu_second"] / found[what]["per_cpu_second"]
            aim = "" if found is ours else f"{ratio:.1f}× ({'reached' if ratio >= AIM else 'missed'})"
            rows.append([found["name"], f"{it['per_second']:.0f}", f"{it['per_cpu_second']:.0f}", f"{it['cpu'] / it['requests'] * 1e6:.0f}",
                         f"{it['database_cpu'] / it['requests'] * 1e6:.0f}", f"{it['p50']:.2f}", f"{it['p99']:.2f}", aim])
        heads = [title, "a second", "a CPU second", "CPU µs", "database's µs", "p50 ms", "p99 ms", f"Herald's, aim {AIM}×"]
        text.append(table(heads, rows))
    rows = []
    for found in all_found:
        idle, busy, logins = found["idle"], found["meanwhile"], found["logins"]
        rows.append([found["name"], f"{idle['p50']:.2f}", f"{idle['p99']:.2f}", f"{busy['p50']:.2f}", f"{busy['p99']:.2f}", f"{busy['max']:.1f}",
                     f"{logins['requests'] / logins['seconds']:.1f}", f"{found['memory']:.0f}", f"{found['memory_after_logins']:.0f}"])
    heads = [f"GET while {LOGINS} sign in", "alone p50 ms", "p99", "meanwhile p50 ms", "p99", "worst", "logins a second", "MiB", "MiB after logins"]
    text.append(table(heads, rows))
    text.append(table(*orders.cells(ours["order"], ours["bulk"])))
    return "\n\n".join(text)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("herald", type=pathlib.Path)
    arguments.add_argument("--results", type=pathlib.Path, required=True)
    arguments.add_argument("--seconds", type=int, default=10)
    asked = arguments.parse_args()
    database, redis = os.environ["HERALD_TEST_POSTGRES_URL"], os.environ["HERALD_TEST_REDIS_URL"]
    with tempfile.TemporaryDirectory(prefix="herald-http.") as folder:
        folder = pathlib.Path(folder)
        herald = [str(asked.herald), "--data", str(folder / "data")]
        settings = {
            "HERALD__DATABASE__URL": database, "HERALD__DATABASE__MAX_CONNECTIONS": str(CONNECTIONS), "HERALD__REDIS__URL": redis,
            # Counted as always, but let through.
            **{f"HERALD__LIMITS__{name}_PER_MINUTE": "1000000" for name in ["GENERAL", "SIGN_IN", "ADDRESS", "WORKSPACE"]},
        }
        port = free_port()
        scene = Scene(herald, settings, port, database, folder)
        found = [one_server(scene, server, folder, asked.seconds) for server in servers(herald, settings, port, database)]
    asked.results.joinpath("http.json").write_text(json.dumps(found, indent=1))
    text = report(found)
    asked.results.joinpath("http.md").write_text(text + "\n")
    print(text)


main()
