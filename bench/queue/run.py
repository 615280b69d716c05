"""Measures job queues on one Redis and one PostgreSQL, one after the other. README.md says what and how.

Started by `bench/run queue`, which gives HERALD_TEST_REDIS_URL and HERALD_TEST_POSTGRES_URL of a run's own servers.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache" / "queue"
RESULTS = HERE.parent / "results"

SINGLES = 500
WARM_UP = 10
# Far longer than any queue takes that works.
DRAIN_LIMIT = 120
# What is tried when a peer cannot work off the whole backlog.
SMALL_BACKLOG = 5_000
LATENCY_LIMIT = 30
# A little over the three rounds of 30 s that a stalled job of BullMQ may take.
RECOVERY_LIMIT = 100


def say(text):
    print(f"[queue] {text}", file=sys.stderr, flush=True)


# ------------------------------------------------------------------------------------------------------------ the peers


@dataclasses.dataclass
class Peer:
    name: str
    store: str
    # Installs what is missing and gives the command to which a role is added.
    command: object
    # The role of the worker whose recovery is timed, where `work` has other settings than the peer's own.
    recovery_role: str = "work"


def npm(name):
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    if changed(folder, HERE / name / "package-lock.json"):
        copy(HERE / name, folder, ["package.json", "package-lock.json"])
        # Not `npm ci`, which wants the lock to name the optional binaries of every other platform, too.
        install(folder, ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)
        installed(folder, HERE / name / "package-lock.json")
    copy(HERE / name, folder, ["peer.mjs"])  # modules are looked for beside it
    return ["node", str(folder / "peer.mjs")]


def pip(name):
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "venv" / "bin" / "python"
    if changed(folder, HERE / name / "requirements.txt"):
        install(folder, [sys.executable, "-m", "venv", "--clear", str(folder / "venv")])
        pip_install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-r"]
        install(folder, [*pip_install, str(HERE / name / "requirements.txt")])
        installed(folder, HERE / name / "requirements.txt")
    return [str(python), str(HERE / name / "peer.py")]


def cargo(name):
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    manifest = str(HERE / name / "Cargo.toml")
    build = ["cargo", "build", "--release", "--locked", "--manifest-path", manifest, "--target-dir", str(folder / "target")]
    install(folder, build)
    return [str(folder / "target" / "release" / f"herald-bench-{name}")]


def debian(name):
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    if not shutil.which("sidekiq"):
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        environment = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1"]
        install(folder, [*environment, "apt-get", "-qq", "install", "-y", "--no-install-recommends", "ruby-sidekiq"])
    return ["ruby", str(HERE / name / "peer.rb")]


PEERS = [
    Peer("bullmq", "Redis", npm),
    Peer("bullmq-rust", "Redis", cargo),
    Peer("celery", "Redis", pip),
    Peer("sidekiq", "Redis", debian),
    Peer("apalis-redis", "Redis", cargo, recovery_role="work-by-default"),
    Peer("graphile-worker", "PostgreSQL", npm),
]


def changed(folder, manifest):
    mark = folder / "installed"
    return not mark.exists() or mark.read_bytes() != manifest.read_bytes()


def installed(folder, manifest):
    (folder / "installed").write_bytes(manifest.read_bytes())


def copy(source, target, names):
    for name in names:
        shutil.copyfile(source / name, target / name)


def install(folder, command, cwd=None):
    log = folder / "install.log"
    with log.open("wb") as file:
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Broken(f"{' '.join(command[:4])} … failed; see {log}")


class Broken(Exception):
    """A peer does not do what is asked of it; the others are measured all the same."""


# ---------------------------------------------------------------------------------------------------------- the servers


class Redis:
    """As much of a client as is needed here: a command, an answer."""

    def __init__(self, url):
        self.url = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((self.url.hostname, self.url.port))
        self.answers = self.socket.makefile("rb")
        self.call("AUTH", self.url.password)

    def call(self, *words):
        words = [str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.answer()

    def answer(self):
        line = self.answers.readline().strip()
        kind, rest = line[:1], line[1:].decode()
        if kind == b"-":
            raise RuntimeError(rest)
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        if kind == b"$":
            return self.answers.read(int(rest) + 2)[:-2].decode()
        return rest

    def database(self, number):
        return self.url._replace(path=f"/{number}").geturl()

    @contextlib.contextmanager
    def durable(self, fsync):
        """A log that reaches the disk with every write ("always"), or every second ("everysec")."""
        wanted = {"appendonly": "yes", "appendfsync": fsync}
        before = {name: self.call("CONFIG", "GET", name)[1] for name in wanted}
        try:
            for name, value in wanted.items():
                self.call("CONFIG", "SET", name, value)
            yield
        finally:
            for name, value in before.items():
                self.call("CONFIG", "SET", name, value)

    def empty(self, number):
        self.call("SELECT", number)
        self.call("FLUSHDB")

    def info(self, section, name):
        lines = self.call("INFO", section).splitlines()
        return next(line.split(":")[1] for line in lines if line.startswith(name + ":"))

    def cpu(self):
        return Group(int(self.info("server", "process_id"))).cpu()


class Postgres:
    def __init__(self, url):
        self.url = urllib.parse.urlsplit(url)
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"), key=lambda path: float(path.parts[4]))
        self.psql = str(found[-1]) if found else "psql"
        self.postmaster = self.ask("select pg_backend_pid()", also=lambda pid: parent_of(int(pid)))

    def ask(self, sql, also=None):
        command = [self.psql, "-qXAt", "-v", "ON_ERROR_STOP=1", self.url.geturl()]
        if also is None:
            return subprocess.run([*command, "-c", sql], check=True, capture_output=True, text=True).stdout.strip()
        # With the session still there, for what must be seen while it lasts.
        session = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        session.stdin.write(sql + ";\n")
        session.stdin.flush()
        answer = also(session.stdout.readline().strip())
        session.communicate()
        return answer

    def database(self, name):
        return self.url._replace(path=f"/{name}").geturl()

    def make(self, name):
        self.ask(f'drop database if exists "{name}" with (force)')
        self.ask(f'create database "{name}"')

    def drop(self, name):
        self.ask(f'drop database if exists "{name}" with (force)')

    def cpu(self):
        return Group(self.postmaster, by="parent").cpu()


# -------------------------------------------------------------------------------------------------------- the processes

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """The fields of /proc/<pid>/stat after the name, which may hold blanks."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(") ")[2].split()


def parent_of(pid):
    return int(stat(pid)[1])


class Group:
    """A process and those it started: the ones of its session, or its children."""

    def __init__(self, pid, by="session"):
        self.pid, self.field = pid, {"session": 3, "parent": 1}[by]

    def members(self):
        found = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError):
                    fields = stat(name)
                    if int(name) == self.pid or int(fields[self.field]) == self.pid:
                        found[int(name)] = fields
        return found

    def cpu(self):
        """Seconds of user and system time, of ended children too once their parent has seen them end."""
        total = 0
        for pid, fields in self.members().items():
            total += sum(map(int, fields[11:15] if pid == self.pid else fields[11:13]))
        return total / TICK

    def peak(self):
        """The most memory in use, in bytes, each process at its own worst moment."""
        total = 0
        for pid in self.members():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as file:
                total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
        return total


class Process:
    """A peer in one of its roles. Its standard output is a line of JSON for each event."""

    def __init__(self, command, environment, log):
        # It ends with this script, however that ends.
        self.child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        self.group = Group(self.child.pid)
        self.events = queue.SimpleQueue()
        # Those that came while another was waited for: a worker's first job may begin before it is `ready`.
        self.early = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.child.stdout:
            with contextlib.suppress(ValueError):
                self.events.put(json.loads(line))
        self.events.put(None)

    def wait(self, name, limit):
        """The next event of that name, or None when it does not come or the process ends."""
        for event in self.early:
            if event["event"] == name:
                self.early.remove(event)
                return event
        until = time.monotonic() + limit
        while (left := until - time.monotonic()) > 0:
            try:
                event = self.events.get(timeout=left)
            except queue.Empty:
                return None
            if event is None:
                self.events.put(None)
                return None
            if event["event"] == name:
                return event
            self.early.append(event)
        return None

    def tell(self):
        self.child.stdin.write(b"\n")
        self.child.stdin.flush()

    def must(self, name, limit=60):
        event = self.wait(name, limit)
        if event is None:
            raise Broken(f"there was no {name!r} within {limit} s (see its log)")
        return event

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        # Those of the session that lead a group of their own.
        for pid in self.group.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Bench:
    """One peer on emptied servers."""

    def __init__(self, peer, command, redis, postgres, number):
        self.peer, self.command, self.redis, self.postgres, self.number = peer, command, redis, postgres, number
        self.database = f"queue_{peer.name.replace('-', '_')}"
        self.log = (CACHE / peer.name / "log.txt").open("wb")
        servers = {"PostgreSQL": postgres, "Redis": redis}
        used = [server for name, server in servers.items() if name in peer.store]
        self.server_cpu = lambda: sum(server.cpu() for server in used)
        self.setup = None

    def empty(self):
        self.redis.empty(self.number)
        if "PostgreSQL" in self.peer.store:
            self.postgres.make(self.database)

    def clean(self):
        self.redis.empty(self.number)
        self.postgres.drop(self.database)
        self.log.close()

    @contextlib.contextmanager
    def started(self, *role):
        environment = {
            "QUEUE_REDIS_URL": self.redis.database(self.number),
            "QUEUE_POSTGRES_URL": self.postgres.database(self.database),
        }
        process = Process([*self.command, *map(str, role)], environment, self.log)
        try:
            yield process
        finally:
            process.kill()

    @contextlib.contextmanager
    def worker(self, jobs=0, role="work"):
        with self.started(role, jobs) as worker:
            ready = worker.must("ready")
            if role == "work":
                self.setup = ready.get("setup")
            yield worker

    def finish(self, *role, limit=60):
        with self.started(*role) as producer:
            if producer.child.wait(limit):
                raise Broken(f"{role[0]} failed (see its log)")

    # The measurements. Each gives an object; README.md says what its fields are.

    def push(self, jobs):
        self.empty()
        with self.started("push", jobs) as producer:
            producer.must("ready")
            before, server_before = producer.group.cpu(), self.server_cpu()
            producer.tell()
            begin = producer.must("begin")
            end = producer.must("end", limit=DRAIN_LIMIT)
            cpu, server = producer.group.cpu() - before, self.server_cpu() - server_before
        seconds = (end["at"] - begin["at"]) / 1e9
        return {"jobs": jobs, "jobs_per_second": jobs / seconds, "cpu_seconds": cpu, "server_cpu_seconds": server}

    def drain(self, jobs, pushed):
        """Works off what `push` left behind; its CPU time is counted in."""
        with self.started("work", jobs) as worker:
            begin = worker.wait("begin", limit=60)
            if begin is None:
                return {"jobs": jobs, "failed": "no job of the backlog ran" + self.ended(worker)}
            before, server_before = worker.group.cpu(), self.server_cpu()
            end = worker.wait("end", limit=DRAIN_LIMIT)
            if end is None:
                return {"jobs": jobs, "failed": f"not done after {DRAIN_LIMIT} s" + self.ended(worker)}
            cpu, server = worker.group.cpu() - before, self.server_cpu() - server_before
            peak = worker.group.peak()
            self.setup = worker.must("ready").get("setup")
        seconds = (end["at"] - begin["at"]) / 1e9
        per_1000 = 1000 / jobs
        return {
            "jobs": jobs,
            "jobs_per_second": jobs / seconds,
            "cpu_seconds_per_1000": (cpu + pushed["cpu_seconds"]) * per_1000,
            "server_cpu_seconds_per_1000": (server + pushed["server_cpu_seconds"]) * per_1000,
            "peak_rss_bytes": peak,
        }

    def ended(self, worker):
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.child.wait(1)
            return "; the worker ended by itself"
        return ""

    def latency(self, loaded):
        self.empty()
        with contextlib.ExitStack() as stack:
            worker = stack.enter_context(self.worker())
            if loaded:
                stack.enter_context(self.started("load"))
                time.sleep(2)
            wanted = SINGLES + WARM_UP
            producer = stack.enter_context(self.started("singles", wanted))
            milliseconds = []
            while len(milliseconds) < wanted:
                event = worker.wait("timed", LATENCY_LIMIT)
                if event is None:
                    if producer.child.poll():
                        raise Broken("singles failed (see its log)")
                    break
                milliseconds.append((event["at"] - event["enqueued"]) / 1e6)
        # The first ones fill pools and caches.
        milliseconds = sorted(milliseconds[WARM_UP:])
        if not milliseconds:
            return {"jobs": SINGLES, "started": 0, "failed": f"none started within {LATENCY_LIMIT} s"}
        at = lambda part: milliseconds[round((len(milliseconds) - 1) * part)]
        return {
            "jobs": SINGLES,
            "started": len(milliseconds),
            "p50_ms": at(0.5),
            "p99_ms": at(0.99),
            "worst_ms": at(1),
        }

    def recovery(self):
        self.empty()
        self.finish("sleeper")
        role = self.peer.recovery_role
        with self.started(role, 0) as worker:
            worker.must("asleep")
            time.sleep(1)
            worker.kill()
            killed = time.monotonic_ns()
        with self.started(role, 0) as worker:
            event = worker.wait("asleep", RECOVERY_LIMIT)
        if event is None:
            return {"seconds": None, "waited_seconds": RECOVERY_LIMIT}
        return {"seconds": (event["at"] - killed) / 1e9, "waited_seconds": RECOVERY_LIMIT}

    def run(self, jobs):
        def note(name, figures):
            say(f"{self.peer.name}: {name} {json.dumps(figures)}")
            return {"peer": self.peer.name, "measure": name, **figures}

        pushed = self.push(jobs)
        yield note("push", pushed)
        drained = self.drain(jobs, pushed)
        yield note("drain", drained)
        if "failed" in drained and jobs > SMALL_BACKLOG:
            yield note("drain", self.drain(SMALL_BACKLOG, self.push(SMALL_BACKLOG)))
        yield note("idle", self.latency(loaded=False))
        yield note("loaded", self.latency(loaded=True))
        yield note("recovery", self.recovery())


# ------------------------------------------------------------------------------------------------------------ the table


def table(results):
    lines = [
        "| queue | store | push /s | drain /s | CPU s per 1,000 | server's | peak RSS, MB | idle p50 / p99 / worst, ms "
        "| loaded p50 / p99 / worst, ms | running again, s |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    notes = []
    for peer in results:
        measures = {one["measure"]: one for one in peer["measures"]}  # of two drains the last
        drain = measures.get("drain", {})
        cell = lambda one, name, form: format(one[name], form) if one.get(name) is not None else "–"
        lines.append(
            "| "
            + " | ".join(
                [
                    peer["peer"],
                    peer["store"],
                    cell(measures.get("push", {}), "jobs_per_second", ".0f"),
                    cell(drain, "jobs_per_second", ".0f"),
                    cell(drain, "cpu_seconds_per_1000", ".3f"),
                    cell(drain, "server_cpu_seconds_per_1000", ".3f"),
                    format(drain["peak_rss_bytes"] / 1e6, ".0f") if "peak_rss_bytes" in drain else "–",
                    latency_cell(measures.get("idle", {})),
                    latency_cell(measures.get("loaded", {})),
                    recovery_cell(measures.get("recovery")),
                ]
            )
            + " |"
        )
        if peer["setup"]:
            notes.append(f"- {peer['peer']}: {peer['setup']}")
        for one in peer["measures"]:
            if "failed" in one:
                notes.append(f"- {peer['peer']}, {one['measure']} of {one['jobs']} jobs: {one['failed']}")
            elif one["measure"] == "drain" and one["jobs"] != peer["jobs"]:
                notes.append(f"- {peer['peer']}: its drain is that of {one['jobs']} jobs")
            elif one.get("started", one.get("jobs")) != one.get("jobs"):
                notes.append(f"- {peer['peer']}, {one['measure']}: {one['started']} of {one['jobs']} jobs started")
        if "broken" in peer:
            notes.append(f"- {peer['peer']}: {peer['broken']}")
    return "\n".join([*lines, "", *notes])


def latency_cell(one):
    return f"{one['p50_ms']:.1f} / {one['p99_ms']:.1f} / {one['worst_ms']:.1f}" if "p50_ms" in one else "–"


def recovery_cell(one):
    if one is None:
        return "–"
    return f">{one['waited_seconds']}" if one["seconds"] is None else f"{one['seconds']:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(p.name for p in PEERS)} (all of them)")
    parser.add_argument(
        "--fsync",
        choices=["always", "everysec"],
        default="always",
        help="how soon Redis writes the jobs it keeps to the disk; PostgreSQL always does at each commit (always)",
    )
    parser.add_argument("--jobs", type=int, default=100_000, help="the backlog (100000)")
    parser.add_argument(
        "--also",
        nargs=3,
        action="append",
        default=[],
        metavar=("NAME", "STORE", "COMMAND"),
        help="a queue whose command is there already; what STORE names of Redis and PostgreSQL has its CPU time counted, too",
    )
    options = parser.parse_args()
    unknown = set(options.peers) - {peer.name for peer in PEERS}
    if unknown:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    redis = Redis(os.environ["HERALD_TEST_REDIS_URL"])
    postgres = Postgres(os.environ["HERALD_TEST_POSTGRES_URL"])
    chosen = [peer for peer in PEERS if peer.name in options.peers or not options.peers]
    chosen += [Peer(name, store, lambda _, c=command: c.split()) for name, store, command in options.also]
    RESULTS.mkdir(parents=True, exist_ok=True)

    # Everything is there before the first measurement.
    commands = {}
    results = [{"peer": peer.name, "store": peer.store, "jobs": options.jobs, "setup": None, "measures": []} for peer in chosen]
    for peer, result in zip(chosen, results):
        say(f"preparing {peer.name}")
        (CACHE / peer.name).mkdir(parents=True, exist_ok=True)
        try:
            commands[peer.name] = peer.command(peer.name)
        except (Broken, OSError) as error:
            result["broken"] = f"not measured: {error}"
            say(f"{peer.name}: {result['broken']}")

    say(f"Redis {redis.info('server', 'redis_version')}, appendonly; appendfsync {options.fsync} where it keeps the jobs")
    for number, (peer, result) in enumerate(zip(chosen, results), start=1):
        if peer.name not in commands:
            continue
        # What only passes through Redis need not reach its disk.
        with redis.durable(options.fsync if peer.store == "Redis" else "everysec"):
            bench = Bench(peer, commands[peer.name], redis, postgres, number)
            try:
                for one in bench.run(options.jobs):
                    result["measures"].append(one)
            except (Broken, subprocess.SubprocessError) as error:
                result["broken"] = str(error)
                say(f"{peer.name}: {error}; its log is {bench.log.name}")
            finally:
                result["setup"] = bench.setup
                bench.clean()
        (RESULTS / "queue-peers.json").write_text(json.dumps(results, indent=2) + "\n")
    text = table(results)
    (RESULTS / "queue-peers.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
