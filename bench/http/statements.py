"""What both peers ask the database: the statements that Herald sends for the same requests, on the tables that Herald made."""

import datetime
import hashlib
import os
import time
import uuid

KEY = """select id, workspace_id, role, platform_admin, scopes, last_used_at from api_tokens
         where token_hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2)"""
USED = "update api_tokens set last_used_at = $2 where id = $1"
JOB = """select id, kind, queue, args, state, priority, attempt, max_attempts, run_at, worker, batch_id, progress, result,
                created_at, started_at, finished_at, fingerprint
         from jobs where workspace_id = $1 and id = $2"""
ERRORS = """select attempt, message, at, fingerprint from job_errors
            where workspace_id = $1 and job_id = $2 order by attempt, at, id"""
CONNECTION = "select id, name, provider, state from connections where workspace_id = $1 and name = $2"
ENQUEUE = """insert into jobs (id, workspace_id, kind, queue, args, state, priority, attempt, max_attempts, run_at, unique_key,
                               key_until_start, lane, cost, cancel_requested, created_at)
             values ($1, $2, 'connection.test', 'sync', $3, 'ready', 0, 0, 3, $4, $5, false, 0, 1, false, $4)
             on conflict (workspace_id, unique_key) where unique_key is not null and state in ('ready', 'running') do nothing
             returning id"""
USER = "select id, password_hash, state from users where email_key = $1"
SIGNED_IN = "insert into bench_sessions (id, user_id, token_hash, created_at) values ($1, $2, $3, $4)"

# As in Herald: the use of a key is noted to the minute.
EXACT = datetime.timedelta(minutes=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def hashed(token):
    return hashlib.sha256(token.encode()).hexdigest()


def new_id():
    """A UUIDv7, whose order is that of time: kind to the index it goes into."""
    value = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 7 << 76
    return uuid.UUID(int=value & ~(0x3 << 62) | 2 << 62)


def unique_key(connection, target):
    return f"test:{connection}:{target}"
