"""Starts Herald and its peers, each with a person who has signed in: Django's admin on the same rows, Bull-board in Redis."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
EMAIL, PASSWORD = "bench@example.com", "four words make sense"


def say(text):
    print(f"[console] {text}", file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextlib.contextmanager
def running(command, url, log, environment, folder=None):
    """A server that answers at `url`; ended afterwards, with all that came of it."""
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command], env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT, start_new_session=True, cwd=folder,
        )
        try:
            deadline = time.monotonic() + 120
            while not answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} does not answer; see {log}")
                time.sleep(0.1)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextlib.contextmanager
def herald(program, folder, database):
    """Herald in one process, on PostgreSQL or, without an address, on SQLite. Gives its address and its log."""
    port = free_port()
    environment = {
        "HERALD__DATABASE__URL": database or "", "HERALD__LIMITS__GENERAL": "false", "HERALD__LOG__LEVEL": "warn",
        "HERALD__LIMITS__SIGN_IN_PER_MINUTE": "1000", "HERALD__LEDGER__KEEP_DAYS": "3650",
    }
    log = folder / "herald.log"
    command = [program, "--data", folder / "data", "up", "--listen", f"127.0.0.1:{port}"]
    with running(command, f"http://127.0.0.1:{port}/readyz", log, environment):
        yield f"http://127.0.0.1:{port}", log


def first_person(browser, log):
    """Makes Herald's first person by the link of the start."""
    page = browser.new_page()
    deadline = time.monotonic() + 60
    while not (found := re.search(r"http://\S+/setup/\S+", log.read_text(errors="replace"))):
        if time.monotonic() > deadline:
            raise RuntimeError(f"Herald prints no link; see {log}")
        time.sleep(0.1)
    page.goto(found[0])
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url("**/w/default")
    page.close()


def signed_in(browser, address, fields, button):
    """The state of a browser in which a person has signed in, and the same as a header."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    for name, value in fields.items():
        page.locator(f"input[name='{name}']").fill(value)
    page.locator(button).click()
    page.wait_for_load_state()
    state = context.storage_state()
    context.close()
    return state, "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in state["cookies"])


@contextlib.contextmanager
def django(database, folder):
    """Django's admin with as many processes as there are cores."""
    at = urllib.parse.urlsplit(database)
    port = free_port()
    environment = {
        "BENCH_NAME": at.path[1:], "BENCH_USER": at.username, "BENCH_PASSWORD": at.password, "BENCH_PORT": str(at.port),
        "BENCH_STATIC": str(folder / "static"), "BENCH_PERSON": PASSWORD, "PYTHONPATH": str(HERE),
    }
    subprocess.run([sys.executable, HERE / "django_peer.py", "migrate"], env={**os.environ, **environment}, check=True)
    gunicorn = pathlib.Path(sys.executable).parent / "gunicorn"
    # Threads, so that a connection stays open between two pages.
    command = [gunicorn, "django_peer:application", "--bind", f"127.0.0.1:{port}", "--workers", os.cpu_count(), "--threads", 2, "--timeout", 300, "--keep-alive", 300]
    with running(command, f"http://127.0.0.1:{port}/admin/login/", folder / "django.log", environment):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def bull_board(redis, many, folder, cache):
    """Bull-board over so many jobs; its packages lie in the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "serve.js"):
        (cache / name).write_bytes((HERE / "bull-board" / name).read_bytes())
    # Quick if it is all there, and right if a version changed.
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=cache, check=True)
    environment = {"BENCH_REDIS": redis}
    say(f"{many:,} jobs for BullMQ")
    subprocess.run(["node", "serve.js", "fill", str(many)], cwd=cache, env={**os.environ, **environment}, check=True)
    port = free_port()
    with running(["node", "serve.js", port], f"http://127.0.0.1:{port}/board", folder / "bull-board.log", environment, cache):
        yield f"http://127.0.0.1:{port}"
