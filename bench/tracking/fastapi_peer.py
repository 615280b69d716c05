"""The peer with FastAPI: it checks the link, reads where it leads, writes a row for the click, and sends the reader on."""

import base64
import contextlib
import hashlib
import hmac
import os
import sqlite3
import threading
import uuid

import asyncpg
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

KEY = bytes.fromhex(os.environ["BENCH_KEY"])
DATABASE = os.environ["BENCH_DATABASE"]
IS_SQLITE = DATABASE.startswith("sqlite:")
FIND = """select m.workspace_id, m.campaign_id, l.target from messages as m
    join tracked_links as l on l.campaign_id = m.campaign_id and l.number = {} where m.id = {}"""
WRITE = "insert into bench_clicks (id, workspace_id, campaign_id, message_id, number, at) values ({}, {}, {}, {}, {}, current_timestamp)"
lock = threading.Lock()
local = threading.local()


@contextlib.asynccontextmanager
async def lifespan(app):
    if IS_SQLITE:
        yield
        return
    size = int(os.environ["BENCH_CONNECTIONS"])
    async with asyncpg.create_pool(DATABASE, min_size=size, max_size=size) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


def opened(token):
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    named, mac = raw[:18], raw[18:]
    if len(mac) != 16 or not hmac.compare_digest(hmac.digest(KEY, named, hashlib.sha256)[:16], mac):
        return None
    return uuid.UUID(bytes=named[:16]), int.from_bytes(named[16:], "big")


def in_sqlite(message, number):
    db = getattr(local, "db", None)
    if db is None:
        db = local.db = sqlite3.connect(DATABASE.removeprefix("sqlite:"), isolation_level=None, timeout=30)
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
    found = db.execute(FIND.format("?", "?"), (number, message.bytes)).fetchone()
    if found:
        with lock:
            db.execute(WRITE.format("?", "?", "?", "?", "?"), (os.urandom(16), found[0], found[1], message.bytes, number))
    return found[2] if found else None


async def in_postgres(message, number):
    async with app.state.pool.acquire() as db:
        found = await db.fetchrow(FIND.format("$1", "$2"), number, message)
        if found is None:
            return None
        await db.execute(WRITE.format("$1", "$2", "$3", "$4", "$5"), uuid.uuid4(), found[0], found[1], message, number)
        return found[2]


@app.get("/t/{token}")
async def follow(token: str):
    named = opened(token)
    if named is None:
        return Response(status_code=404)
    target = await (run_in_threadpool(in_sqlite, *named) if IS_SQLITE else in_postgres(*named))
    if target is None:
        return Response(status_code=404)
    return RedirectResponse(target, 302, {"referrer-policy": "no-referrer", "cache-control": "no-store"})
