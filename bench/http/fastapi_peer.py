"""The peer with FastAPI: uvicorn with uvloop and httptools, asyncpg, orjson."""

import contextlib
import os
from typing import Annotated

import argon2
import asyncpg
import orjson
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

import statements as sql

hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


async def with_json(connection):
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary",
        encoder=lambda value: b"\x01" + orjson.dumps(value, default=str), decoder=lambda value: orjson.loads(value[1:]),
    )


async def as_it_is(connection):
    """Nothing here changes a session, so nothing has to be set back: that would be a round trip a request."""


@contextlib.asynccontextmanager
async def lifespan(app):
    # As many connections as Herald may have, shared out among the workers.
    size = int(os.environ["BENCH_CONNECTIONS"])
    options = {"min_size": size, "max_size": size, "init": with_json, "reset": as_it_is}
    async with asyncpg.create_pool(os.environ["BENCH_DATABASE"], **options) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


# asyncpg's UUIDs are of a class of its own, which orjson does not know.
def answer(value, status=200, headers=None):
    return Response(orjson.dumps(value, default=str), status, headers, "application/json")


async def connected(request: Request):
    async with request.app.state.pool.acquire() as db:
        yield db


Database = Annotated[asyncpg.Connection, Depends(connected)]


async def key(db: Database, authorization: Annotated[str, Header()] = ""):
    now = sql.now()
    found = await db.fetchrow(sql.KEY, sql.hashed(authorization.removeprefix("Bearer ")), now)
    if found is None:
        raise HTTPException(401, "the token opens nothing here")
    if found["last_used_at"] is None or now - found["last_used_at"] >= sql.EXACT:
        await db.execute(sql.USED, found["id"], now)
    return found


Key = Annotated[asyncpg.Record, Depends(key)]


@app.get("/api/v1/jobs/{job_id}")
async def show(job_id: sql.uuid.UUID, db: Database, key: Key):
    job = await db.fetchrow(sql.JOB, key["workspace_id"], job_id)
    if job is None:
        raise HTTPException(404, "there is no such job")
    errors = await db.fetch(sql.ERRORS, key["workspace_id"], job_id)
    return answer({**job, "errors": [dict(error) for error in errors]})


class Test(BaseModel):
    model_config = ConfigDict(extra="forbid")
    target: str | None = None


@app.post("/api/v1/connections/{name}/test")
async def test(name: str, asked: Test, db: Database, key: Key):
    connection = await db.fetchrow(sql.CONNECTION, key["workspace_id"], name)
    if connection is None:
        raise HTTPException(404, "there is no such connection")
    args = {"connection_id": connection["id"], "target": asked.target}
    async with db.transaction():
        job = await db.fetchval(
            sql.ENQUEUE, sql.new_id(), key["workspace_id"], args, sql.now(), sql.unique_key(connection["id"], asked.target)
        )
    place = f"/api/v1/jobs/{job}"
    return answer({"job_id": job, "job_url": place}, 202, {"location": place})


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")
    email: str
    password: str


def fits(kept, password):
    try:
        return hasher.verify(kept, password)
    except argon2.exceptions.VerifyMismatchError:
        return False


@app.post("/api/v1/auth/login")
async def login(asked: Login, request: Request):
    pool = request.app.state.pool
    user = await pool.fetchrow(sql.USER, asked.email.lower())
    if user is None or not await run_in_threadpool(fits, user["password_hash"], asked.password):
        raise HTTPException(401, "address and password do not fit")
    token = os.urandom(32).hex()
    await pool.execute(sql.SIGNED_IN, sql.new_id(), user["id"], sql.hashed(token), sql.now())
    return answer({"refresh_token": token})
