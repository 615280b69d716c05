"""The program on one engine: contacts, senders, and campaigns to all of them."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import letter

EDGE = "herald-bench"
# Those whom the small campaign of a plan goes to.
FEW = 100


class Herald:
    def __init__(self, program, folder, database, port, connections, settings):
        self.folder, self.database = folder, database
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {
            **os.environ, "HERALD__DATABASE__URL": database or "", "HERALD__LIMITS__GENERAL": "false", "HERALD__LOG__LEVEL": "warn",
            "HERALD__MAIL__HOST": "127.0.0.1", "HERALD__MAIL__PORT": str(port), "HERALD__MAIL__TLS": "none",
            "HERALD__MAIL__MAX_CONNECTIONS": str(connections), **settings,
        }
        self.command = [str(program), "--data", str(folder / "data")]
        self.key = re.search(r"herald_\S+|hk_\S+|\S{40,}", self.run("keys", "make", "bench", "--role", "owner"))[0]
        self.template = None

    def run(self, *arguments):
        done = subprocess.run([*self.command, *arguments], env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"herald {' '.join(arguments)} failed: {done.stderr}")
        return done.stdout

    @contextlib.contextmanager
    def running(self):
        with open(self.folder / "herald.log", "ab") as log:
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

    def call(self, method, path, body=None, kind="application/json"):
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path} was answered {error.code}: {error.read().decode()}") from error

    def take_in(self, people):
        """So many contacts, by a list. All of them are in Spain, and the first ones have the tag `few`."""
        rows = "".join(f"Person {number},person{number}@example.com,ES,{'few' if number < FEW else ''}\n" for number in range(people))
        head = f'--{EDGE}\r\nContent-Disposition: form-data; name="starts_itself"\r\n\r\ntrue\r\n' \
            f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="people.csv"\r\n\r\nname,email,country,tags\n'
        body = f"{head}{rows}\r\n--{EDGE}--\r\n".encode()
        id = self.call("POST", "/imports", body, f"multipart/form-data; boundary={EDGE}")["id"]
        self.until(lambda: self.state(f"/imports/{id}", "done"))

    def state(self, path, wanted):
        """Whether it has come to this state; an error if it came to another end."""
        found = self.call("GET", path)
        if found["state"] in ("failed", "cancelled", "paused"):
            raise RuntimeError(f"{path}: {found}")
        return found["state"] == wanted

    def until(self, holds, pause=0.05):
        begun = time.monotonic()
        while not holds():
            time.sleep(pause)
        return time.monotonic() - begun

    def sender(self, name, **more):
        fields = {"name": name, "from_name": "Example Agency", "from_address": "news@example.com", "postal_address": "1 Example Street, 28001 Madrid"}
        return self.call("POST", "/senders", fields | more)["id"]

    def approved(self, name, sender, audience):
        """A campaign that only has to be begun. Returns its id."""
        places = ("{{ name }}", "{{ unsubscribe_url }}", "{{ postal_address }}")
        if self.template is None:
            english = {"subject": letter.SUBJECT.format(name=places[0]), "body": letter.html(*places), "text": letter.text(*places)}
            content = {"format": "html", "default_language": "en", "languages": {"en": english}}
            self.template = self.call("POST", "/message-templates", {"name": "Spring", "content": content})["id"]
        campaign = {"channel": "email", "name": name, "sender_id": sender, "template_id": self.template, "audience": audience}
        id = self.call("POST", "/campaigns", campaign)["id"]
        # In the name of whoever runs this Herald: a key may approve nothing.
        for act in ("submit", "approve"):
            self.run("campaign", act, id)
        return id

    def begin(self, campaign):
        self.call("POST", f"/campaigns/{campaign}/send")

    def send(self, campaign, pause=0.05):
        """Seconds until all of it is sent."""
        begun = time.monotonic()
        self.begin(campaign)
        self.until(lambda: self.state(f"/campaigns/{campaign}", "sent"), pause)
        return time.monotonic() - begun
