"""What every check stands on: a Herald of its own or a fleet, its API, its people, the outside, and the list of faults."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EMAIL, PASSWORD = "ann@example.com", "four words make sense"
VIEWS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    "narrow": {"color_scheme": "dark", "viewport": {"width": 320, "height": 640}},
}
# Many browsers sign in from one address here.
ROOMY = {"HERALD__LIMITS__SIGN_IN_PER_MINUTE": "1000", "HERALD__LIMITS__GENERAL_PER_MINUTE": "100000"}


def say(text):
    print(f"[tests/console] {text}", file=sys.stderr, flush=True)


class Faults:
    """What was found. A check goes on, so that one run tells all."""

    def __init__(self):
        self.found = []

    def check(self, holds, text):
        if not holds:
            say(f"FOUND {text}")
            self.found.append(text)


class Herald:
    """A fresh Herald, which can be stopped and started again at the same address."""

    def __init__(self, program, folder, settings=None):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.program, self.data = program, f"{folder}/data"
        self.log = pathlib.Path(folder) / "log"
        self.base, self.listen = f"http://127.0.0.1:{port}", f"127.0.0.1:{port}"
        self.environment = {**os.environ, **ROOMY, "HERALD__HTTP__PUBLIC_URL": self.base, **(settings or {})}
        self.processes = []
        text = self.start()
        self.key = re.search(r"admin token, shown this once: (\S+)", text)[1]
        self.link = re.search(r"http://\S+/setup/\S+", text)[0]

    def roles(self):
        """The arguments of its processes."""
        return [["up", "--listen", self.listen]]

    def start(self):
        """Starts it, and returns what it said so far."""
        with self.log.open("ab") as out:
            begun = out.tell()
            for role in self.roles():
                command = [self.program, "--data", self.data, *role]
                self.processes.append(subprocess.Popen(
                    command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=ROOT, env=self.environment
                ))
        deadline = time.monotonic() + 120
        while "herald serves" not in (text := self.log.read_text(errors="replace")[begun:]):
            if any(process.poll() is not None for process in self.processes) or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Herald does not start:\n{text}")
            time.sleep(0.05)
        return text

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(60)
        self.processes.clear()

    def restart(self):
        self.stop()
        self.start()

    def add_person(self, email, role):
        command = [self.program, "--data", self.data, "users", "add", email, "--role", role, "--secret-file", "-"]
        subprocess.run(command, input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL, env=self.environment)

    def call(self, method, path, body=None, kind="application/json", workspace=None):
        """Asks the API, which must not fail: status and answer. A refusal is an answer, too."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        if workspace:
            headers["Herald-Workspace"] = workspace
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        if status >= 500:
            raise RuntimeError(f"{method} {path} answers {status}: {text[:400]}")
        try:
            return status, json.loads(text or b"null")
        except ValueError:
            return status, text

    def send(self, path, fields, files):
        """Sends a form with files: names, file names and contents."""
        edge = "herald-console-test"
        body = b""
        for name, value in fields:
            body += f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, file, content in files:
            file = file.replace('"', "%22")
            body += f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'.encode()
            body += content + b"\r\n"
        body += f"--{edge}--\r\n".encode()
        return self.call("POST", path, body, f"multipart/form-data; boundary={edge}")

    def settle(self, run, seconds=60):
        """Waits until a run has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            _, found = self.call("GET", f"/invitation-runs/{run}")
            if found.get("state") not in ("importing", "running"):
                return found
            time.sleep(0.2)
        return found


class Fleet(Herald):
    """The same as processes of their own, on the PostgreSQL and the Redis that tests/run brings."""

    def __init__(self, program, folder, settings=None):
        servers = {
            "HERALD__DATABASE__URL": os.environ["HERALD_TEST_POSTGRES_URL"],
            "HERALD__REDIS__URL": os.environ["HERALD_TEST_REDIS_URL"],
        }
        super().__init__(program, folder, {**servers, **(settings or {})})

    def roles(self):
        return [["api", "--listen", self.listen], ["worker"], ["scheduler"]]

    def start(self):
        migrate = [self.program, "--data", self.data, "migrate"]
        subprocess.run(migrate, check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=self.environment)
        return super().start()


class Outside:
    """Google, Mautic, a bucket and a CRM, as the program `fake-providers` plays them."""

    def __init__(self, text, folder):
        def said(pattern):
            return re.search(pattern, text)[1]

        self.client, self.key = (pathlib.Path(folder) / f"{name}.json" for name in ("client-secret", "service-account"))
        self.drive, self.mautic, self.bucket = said(r"folder +(\S+) \(a shared"), said(r"Mautic +(http\S+)"), said(r"Bucket +(http[^, ]+)")
        self.user, self.password = re.search(r"user +(\S+) / (.+)", text).groups()
        self.access_key, self.bucket_name = said(r"access key (\w+)"), said(r"bucket (\w+), access")
        self.person, self.person_password = re.search(r'people +(\S+) and others, password "(.+)"', text).groups()
        self.settings = {
            "HERALD__OUTSIDE__ALLOW_PRIVATE": "127.0.0.1",
            "HERALD__GOOGLE__TOKEN_URL": said(r"token +(http\S+)"),
            "HERALD__GOOGLE__AUTH_URL": said(r"consent +(http\S+)"),
            "HERALD__GOOGLE__DRIVE_URL": said(r"drive +(http\S+)"),
            "HERALD__GOOGLE__UPLOAD_URL": said(r"upload +(http\S+)"),
            "HERALD__CRM__URL": said(r'crm\.url = "([^"]+)"'),
            "HERALD__CRM__TOKEN": said(r'crm\.token = "([^"]+)"'),
        }


@contextlib.contextmanager
def outside(program, folder):
    """The fake providers on free ports; ended with the check."""
    command = [program, "--port", "0", "--guests", "3", "--out", folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        text = ""
        while "Ctrl-C ends them" not in text:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the fake providers do not start:\n{text}")
            text += line
        yield Outside(text, folder)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@contextlib.contextmanager
def herald(program, folder, settings=None, kind=Herald):
    """A Herald that ends with the check. What its log says of errors is told."""
    own = kind(program, folder, settings)
    try:
        yield own
    finally:
        own.stop()
        for line in own.log.read_text(errors="replace").splitlines():
            if " ERROR " in line or "panicked" in line:
                say(f"Herald's log: {line[:400]}")


def sign_in(page, base, email=EMAIL, to="/", password=PASSWORD):
    """Signs a person in, by the form."""
    page.goto(f"{base}/sign-in?then={to}")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()


def form_of(address):
    """An address without what differs from one thing to the next: pages of one form are one page."""
    form = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "{id}", address.split("?")[0])
    return re.sub(r"/(queues|connections)/(?!new|choose)[^/]+", r"/\1/{name}", form)


def addresses(page, base, start="/w/default", most=100):
    """Every page that links lead to from the first one: one for each form of an address."""
    found, forms, waiting = [], set(), [f"{base}{start}"]
    while waiting and len(found) < most:
        address = waiting.pop(0)
        form = form_of(address)
        if form in forms or re.search(r"\.(csv|zip|png|jpg|webp|xlsx)$|/(preview|picture|export|events)", form):
            continue
        forms.add(form)
        answer = page.request.get(address)
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        page.goto(address)
        found.append(address)
        links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
        waiting += [link.split("#")[0] for link in links if link.startswith((f"{base}{start}", f"{base}/account"))]
    return found
