"""Jobs a second that `POST /jobs` and `POST /jobs/bulk` accept: one job a request, and a hundred thousand rows a request.

Each row is another test of one connection, so it has an id that Herald looks up and a unique key. The answer comes after the commit.
"""

import concurrent.futures
import json
import time
import urllib.request

from servers import cpu_seconds

ROWS = 100_000
# Requests one after the other, and clients that each send their own at the same time.
IN_TURN, CLIENTS = 4, 2
AIM = 50_000


def rows(connection, prefix):
    """A body of NDJSON. `prefix` makes its targets different from those of every other body."""
    line = f'{{"kind":"connection.test","args":{{"connection_id":"{connection}","target":"{prefix}-%d"}}}}\n'
    return "".join(line % number for number in range(ROWS)).encode()


def accepted(url, key, body):
    """How many rows of one request became jobs."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=120) as answer:
        told = json.load(answer)
    if told["refused"] or told["duplicates"]:
        raise RuntimeError(f"not every row was accepted: {told}")
    return told["accepted"]


def bulk(scene, pid, clients):
    """`IN_TURN` requests of each client."""
    url = f"http://127.0.0.1:{scene.port}/api/v1/jobs/bulk"
    scene.tidy()
    # Made before the clock starts: the client is not what is measured.
    bodies = [[rows(scene.connection, f"{clients}-{client}-{turn}") for turn in range(IN_TURN)] for client in range(clients)]
    before, began = (cpu_seconds(pid), cpu_seconds(scene.postmaster)), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        jobs = sum(pool.map(lambda mine: sum(accepted(url, scene.key, body) for body in mine), bodies))
    wall = time.monotonic() - began
    return {
        "clients": clients, "jobs": jobs, "seconds": wall, "per_second": jobs / wall,
        "cpu_us": (cpu_seconds(pid) - before[0]) / jobs * 1e6, "database_cpu_us": (cpu_seconds(scene.postmaster) - before[1]) / jobs * 1e6,
    }


def measure(scene, pid):
    return [bulk(scene, pid, clients) for clients in (1, CLIENTS)]


def cells(order, many):
    """The lines of the table: one job a request, then the bulk."""
    lines = [["one a request", f"{order['per_second']:.0f}", f"{order['cpu'] / order['requests'] * 1e6:.0f}",
              f"{order['database_cpu'] / order['requests'] * 1e6:.0f}", f"{order['p50']:.2f}", f"{order['p99']:.2f}", ""]]
    for found in many:
        aim = "reached" if found["per_second"] >= AIM else "missed"
        lines.append([f"{ROWS:,} a request, {found['clients']} at once", f"{found['per_second']:.0f}", f"{found['cpu_us']:.1f}",
                      f"{found['database_cpu_us']:.1f}", "", "", f"{AIM:,}: {aim}"])
    return ["Jobs ordered", "jobs a second", "CPU µs", "database's µs", "p50 ms", "p99 ms", "aim"], lines
