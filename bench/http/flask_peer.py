"""The peer with Flask: gunicorn with threads, psycopg and its pool, orjson."""

import os
import uuid

import argon2
import orjson
import psycopg
from flask import Flask, abort, g, request
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool

import statements as sql

hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
set_json_dumps(orjson.dumps)
set_json_loads(orjson.loads)
size = int(os.environ["BENCH_CONNECTIONS"])
# Autocommit: a statement alone is a transaction of its own, as with Herald.
pool = ConnectionPool(
    os.environ["BENCH_DATABASE"], min_size=size, max_size=size, open=True,
    kwargs={"autocommit": True, "cursor_factory": psycopg.RawCursor, "row_factory": dict_row},
)
app = Flask(__name__)


def answer(value, status=200, headers=None):
    return app.response_class(orjson.dumps(value), status, headers, mimetype="application/json")


def one(connection, statement, *values):
    return connection.execute(statement, values).fetchone()


def key(connection):
    now = sql.now()
    found = one(connection, sql.KEY, sql.hashed(request.headers.get("authorization", "").removeprefix("Bearer ")), now)
    if found is None:
        abort(401)
    if found["last_used_at"] is None or now - found["last_used_at"] >= sql.EXACT:
        connection.execute(sql.USED, (found["id"], now))
    g.workspace = found["workspace_id"]


@app.get("/api/v1/jobs/<uuid:job_id>")
def show(job_id: uuid.UUID):
    with pool.connection() as connection:
        key(connection)
        job = one(connection, sql.JOB, g.workspace, job_id)
        if job is None:
            abort(404)
        job["errors"] = connection.execute(sql.ERRORS, (g.workspace, job_id)).fetchall()
    return answer(job)


@app.post("/api/v1/connections/<name>/test")
def test(name):
    target = request.get_json().get("target")
    if not isinstance(target, str | None):
        abort(422)
    with pool.connection() as connection:
        key(connection)
        found = one(connection, sql.CONNECTION, g.workspace, name)
        if found is None:
            abort(404)
        args = Jsonb({"connection_id": found["id"], "target": target})
        with connection.transaction():
            job = one(
                connection, sql.ENQUEUE, sql.new_id(), g.workspace, args, sql.now(), sql.unique_key(found["id"], target)
            )
    place = f"/api/v1/jobs/{job['id']}"
    return answer({"job_id": job["id"], "job_url": place}, 202, {"location": place})


@app.post("/api/v1/auth/login")
def login():
    asked = request.get_json()
    with pool.connection() as connection:
        user = one(connection, sql.USER, asked["email"].lower())
    try:
        hasher.verify(user["password_hash"] if user else hasher.hash(""), asked["password"])
    except argon2.exceptions.VerifyMismatchError:
        abort(401)
    token = os.urandom(32).hex()
    with pool.connection() as connection:
        connection.execute(sql.SIGNED_IN, (sql.new_id(), user["id"], sql.hashed(token), sql.now()))
    return answer({"refresh_token": token})
