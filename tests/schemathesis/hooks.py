"""Who the requests come from, a program's key or a person who has signed in, and what they ask for: made up, or there."""

import collections
import os
import time

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

BASE = os.environ["FUZZ_URL"]
KEY = os.environ["FUZZ_KEY"]
EMAIL = os.environ["FUZZ_EMAIL"]
PASSWORD = os.environ["FUZZ_PASSWORD"]

# An access token lives for a quarter of an hour.
FRESH_SECONDS = 600
# What may end the session that asks, or all of them.
ENDS_SESSIONS = ("/auth/logout", "/me/password", "/me/sessions/", "/me/email")


def call(method, path, token, **rest):
    """A call of our own, which must succeed."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.request(method, f"{BASE}/api/v1{path}", headers=headers, timeout=30, **rest)
    answer.raise_for_status()
    return answer.json()


class Person:
    """Signs in when there is no token, or an old one."""

    def __init__(self):
        self.access, self.since = None, 0.0

    def token(self):
        if self.access is None or time.monotonic() - self.since > FRESH_SECONDS:
            tokens = call("POST", "/auth/login", None, json={"email": EMAIL, "password": PASSWORD})
            self.access, self.since = tokens["access_token"], time.monotonic()
        return self.access

    def forget(self):
        self.access = None


person = Person()
# With these gone, every later request would be refused and the run would look at refusals alone.
OWN = {call("GET", "/keys", KEY)["items"][-1]["id"], call("GET", "/me", person.token())["id"]}


@schemathesis.auth(refresh_interval=None)
class Caller:
    """A person where the description asks for one, and where it is said which of a person's workspaces is meant."""

    def get(self, case, context):
        needs = context.operation.definition.raw.get("x-needs")
        if needs is None:
            return None
        return person.token() if needs == "person" or "Herald-Workspace" in (case.headers or {}) else KEY

    def set(self, case, token, context):
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def filter_case(context, case):
    """Keeps the caller from taking away its own key and account. Its membership it cannot: a workspace keeps its last owner."""
    if case.method.upper() in ("GET", "HEAD", "OPTIONS"):
        return True
    named = {str(value) for value in (case.path_parameters or {}).values()}
    return not named & OWN


# Where lists of what there is are, by the beginning of a path, and which field of a row goes into the path.
LISTS = {
    "/batches/": ("/invitation-runs", "batch"),
    "/connections/": ("/connections", "name"),
    "/invitation-runs/": ("/invitation-runs", "id"),
    "/jobs/{": ("/jobs", "id"),
    "/keys/": ("/keys", "id"),
    "/me/memberships/": ("/workspaces", "slug"),
    "/me/sessions/": ("/me/sessions", "id"),
    "/members/": ("/members", "user_id"),
    "/queues/": ("/queues", "name"),
    "/schedules/": ("/schedules", "id"),
    "/templates/": ("/templates", "id"),
    "/users/": ("/users", "id"),
    "/workers/": ("/workers", "name"),
    "/workspace-invitations/": ("/workspace-invitations", "id"),
}


def there_is(case):
    """The ids or names that a path's parameter can have so that there is something behind it."""
    below = case.operation.path.removeprefix("/api/v1")
    found = next((of for start, of in LISTS.items() if below.startswith(start)), None)
    if found is None:
        return []
    path, field = found
    rows = call("GET", path, person.token() if path.startswith(("/me/", "/workspaces")) else KEY)["items"]
    return [row[field] for row in rows if row.get(field) and row[field] not in OWN]


HOME = call("GET", "/workspaces", person.token())["items"][0]["slug"]
asked = collections.Counter()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every second time, asks for something that is there: made up, an id is that of nothing. Chains have ids of their own."""
    meta = case.meta
    if meta is None or meta.phase.name == TestPhase.STATEFUL:
        return
    asked[case.operation.label] += 1
    turn, odd = divmod(asked[case.operation.label], 2)
    if not odd:
        return
    if "Herald-Workspace" in (case.headers or {}) and not meta.is_negative_at(ParameterLocation.HEADER):
        case.headers["Herald-Workspace"] = HOME
    named = next((name for name in ("id", "name") if name in (case.path_parameters or {})), None)
    if named and not meta.is_negative_at(ParameterLocation.PATH) and (known := there_is(case)):
        case.path_parameters[named] = known[turn % len(known)]


@schemathesis.hook
def after_call(context, case, response):
    if any(part in case.operation.path for part in ENDS_SESSIONS):
        person.forget()
