"""Starts the servers that are measured, and reads off the kernel what they cost."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")
# Connections to the database, however many processes share them: Herald's default.
CONNECTIONS = 10


@dataclasses.dataclass
class Server:
    name: str
    command: list
    environment: dict


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def servers(herald, settings, port, database):
    """Herald and its peers, each with its own way to the same port and the same database."""
    workers = os.cpu_count()
    python = pathlib.Path(sys.executable).parent
    peer = {"BENCH_DATABASE": database, "BENCH_CONNECTIONS": str(max(CONNECTIONS // workers, 1)), "PYTHONPATH": str(HERE)}
    return [
        Server("Herald", [*herald, "api", "--listen", f"127.0.0.1:{port}"], settings),
        Server(
            "FastAPI",
            [python / "uvicorn", "fastapi_peer:app", "--port", port, "--workers", workers, "--loop", "uvloop", "--http", "httptools"],
            peer,
        ),
        Server(
            "Flask",
            [python / "gunicorn", "flask_peer:app", "--bind", f"127.0.0.1:{port}", "--workers", workers, "--worker-class", "gthread",
             "--threads", 16, "--keep-alive", 60, "--access-logfile", "-"],
            peer,
        ),
    ]


@contextlib.contextmanager
def running(server, url, log):
    """The server, answering at `url` (with whatever status); ended afterwards, its log kept."""
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [str(word) for word in server.command], env={**os.environ, **server.environment}, stdin=subprocess.DEVNULL,
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )
        try:
            deadline = time.monotonic() + 60
            while not answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{server.name} does not answer; see {log}")
                time.sleep(0.05)
            yield process.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def family(pid):
    """A process and all that came of it."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(fields(stat.parent.name)[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def fields(pid):
    # After the name, which stands in brackets and may hold spaces.
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def cpu_seconds(pid):
    """User and system time of a process and all that came of it."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            total += sum(int(ticks) for ticks in fields(one)[11:15])
    return total / TICK


def memory_mib(pid):
    """Resident memory of a process and all that came of it, what they share counted once."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            lines = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024
