"""The server that takes the mails: `herald-bench mail-sink`, a process of its own that nobody's figures contain."""

import json
import socket
import subprocess


class Sink:
    def __init__(self, bench):
        self.process = subprocess.Popen([str(bench), "mail-sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)

    def start(self, answer_ms, pipelining=True):
        """Forgets what it has, and takes so long for each answer from now on."""
        with self.talk() as said:
            said.write(f"XSTART {answer_ms} {int(pipelining)}\r\n")
            said.flush()
            said.readline()

    def counted(self):
        with self.talk() as said:
            said.write("XCOUNT\r\n")
            said.flush()
            return json.loads(said.readline()[4:])

    def talk(self):
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            said = connection.makefile("rw", newline="")
        said.readline()
        return said

    def took(self, mails, anybody=False):
        """What came; an error if it is not what was sent."""
        counted = self.counted()
        if counted["mails"] != mails or counted["torn"] or counted["rude"] or (counted["twice"] and not anybody):
            raise RuntimeError(f"{mails} mails were sent, and the server counted {counted | {'seconds': None}}")
        return counted
