"""Celery on Redis: two processes, a job acknowledged once it is done. ../README.md says what the roles are."""

import json
import os
import sys
import threading
import time

import billiard
from celery import Celery
from celery.signals import worker_ready

PROCESSES = 2
# What its page on optimising names for many short tasks.
PREFETCH = 128

role, argument = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0

app = Celery("bench", broker=os.environ["QUEUE_REDIS_URL"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=PREFETCH,
    worker_concurrency=PROCESSES,
    worker_redirect_stdouts=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)

# Shared by the processes, which are forks.
begun, done = billiard.Value("i", 0), billiard.Value("i", 0)


def say(event, **more):
    os.write(1, (json.dumps({"event": event, "at": time.monotonic_ns(), **more}) + "\n").encode())


@app.task(name="noop")
def noop(number):
    if not begun.value:
        with begun.get_lock():
            if not begun.value:
                begun.value = 1
                say("begin")
    with done.get_lock():
        done.value += 1


@app.task(name="timed")
def timed(enqueued):
    say("timed", enqueued=enqueued)


@app.task(name="sleeper")
def sleeper():
    say("asleep")
    time.sleep(300)


def push_noops(count, producer):
    # There is no bulk call: a group, too, sends one message after the other.
    for number in range(count):
        noop.apply_async((number,), producer=producer)


def push():
    with app.producer_pool.acquire(block=True) as producer:
        producer.connection.ensure_connection()
        say("ready")
        sys.stdin.readline()
        say("begin")
        push_noops(argument, producer)
        say("end")
        time.sleep(1e6)


def singles():
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(argument):
            time.sleep(0.005)
            timed.apply_async((time.monotonic_ns(),), producer=producer)


def load():
    with app.producer_pool.acquire(block=True) as producer:
        while True:
            push_noops(20, producer)
            time.sleep(0.1)


def wait_for_end():
    while done.value < argument:
        time.sleep(0.01)
    with app.connection() as connection:
        client = connection.channel().client
        while client.llen("celery") or client.hlen("unacked"):
            time.sleep(0.002)
    say("end")


def work():
    @worker_ready.connect
    def ready(**_):
        if argument:
            threading.Thread(target=wait_for_end, daemon=True).start()
        say("ready", setup=f"prefork {PROCESSES}, prefetch {PREFETCH} each, acks_late")

    app.worker_main(["worker", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"])


if __name__ == "__main__":
    {"push": push, "singles": singles, "load": load, "sleeper": lambda: sleeper.delay(), "work": work}[role]()
