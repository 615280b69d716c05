"""Pages in the states in which people seldom see them: empty, loading, faulty, forbidden, and over a limit.

Each state comes about by real conditions: a new workspace, a role that may only look, a queue that is held up, a
provider that does not answer, a limit of one."""

from looks import WIDER, axe_finds, named
from stage import PASSWORD, VIEWS, sign_in

LISTS = ["", "/runs", "/campaigns", "/templates", "/failures", "/jobs", "/schedules", "/connections", "/members", "/keys", "/audit"]


def show(page, base, path, state, pictures, faults, status=None):
    """One page in one state: what it says, its rules, its width, its picture."""
    answer = page.goto(base + path)
    name = f"{path} ({state})"
    faults.check(status is None or answer.status == status, f"{name} answers {answer.status}, not {status}")
    faults.check(page.locator("h1").count() == 1, f"{name} has one heading of the first level")
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 800})
        faults.check(page.evaluate(WIDER) <= 0, f"{name} scrolls sideways at {width} px")
        axe_finds(page, path, state, faults)
        if pictures:
            page.screenshot(path=pictures / named(f"state-{state}{path}", str(width)), full_page=True)
    return page.inner_text("main")


def empty(browser, herald, state, pictures, faults):
    """A workspace in which nothing is yet: each list says what will be there."""
    herald.call("POST", "/workspaces", {"slug": "empty", "name": "Empty"})
    context = browser.new_context(storage_state=state, **VIEWS["light"])
    page = context.new_page()
    page.goto(f"{herald.base}/welcome")
    page.get_by_label("Name", exact=True).fill("Empty")
    page.get_by_label("Short name").fill("nothing-yet")
    page.get_by_role("button", name="Make it").click()
    for path in LISTS:
        text = show(page, herald.base, f"/w/nothing-yet{path}", "empty", pictures, faults, 200)
        faults.check(len(text) > 20, f"{path} says what will be there")
    context.close()


def forbidden(browser, herald, pictures, faults):
    """What a viewer is not offered is closed, in words."""
    herald.add_person("vera@example.com", "viewer")
    context = browser.new_context(**VIEWS["light"])
    page = context.new_page()
    sign_in(page, herald.base, "vera@example.com")
    for path in ["/keys/new", "/runs/new", "/campaigns/new", "/schedules/new", "/audit", "/queues", "/users", "/jobs/act/delete?state=dead"]:
        text = show(page, herald.base, f"/w/default{path}", "forbidden", pictures, faults, 403)
        faults.check("ask" in text or "role" in text or "administrator" in text, f"{path} says whom to ask: {text[:120]}")
    show(page, herald.base, "/w/nothing-yet", "not a member", pictures, faults, 404)
    context.close()


def loading(browser, herald, state, pictures, faults):
    """A run at work whose queue is held up, so that it stays as it is while it is looked at."""
    herald.call("POST", "/queues/cpu/pause")
    guests = b"name,email\n" + b"".join(f"Guest {n},guest{n}@example.com\n".encode() for n in range(60))
    status, run = herald.send("/invitation-runs", [("event", "At work"), ("template", "Winter Gala")], [("guests", "guests.csv", guests)])
    faults.check(status < 300, f"a run starts: {run}")
    context = browser.new_context(storage_state=state, **VIEWS["light"])
    page = context.new_page()
    for path in ["", "/runs", f"/runs/{run['id']}", "/queues", "/queues/cpu", "/jobs?state=ready"]:
        show(page, herald.base, f"/w/default{path}", "loading", pictures, faults, 200)
    herald.call("POST", "/queues/cpu/resume")
    herald.settle(run["id"])
    context.close()


def faulty(browser, herald, state, pictures, faults):
    """A provider that does not answer, a job that is not there, and filters that mean nothing."""
    herald.call("PUT", "/connections/down", {"provider": "mautic", "url": "http://127.0.0.1:9", "user": "herald", "password": "none"})
    status, test = herald.call("POST", "/connections/down/test", {"target": "7"})
    context = browser.new_context(storage_state=state, **VIEWS["light"])
    page = context.new_page()
    if status < 300:
        show(page, herald.base, f"/w/default/connections/down/tests/{test['job_id']}", "provider down", pictures, faults, 200)
    gone = "00000000-0000-7000-8000-000000000000"
    for path in [f"/jobs/{gone}", f"/runs/{gone}", f"/batches/{gone}", f"/schedules/{gone}", f"/templates/{gone}", f"/campaigns/{gone}", "/jobs/nonsense", "/connections/none"]:
        text = show(page, herald.base, f"/w/default{path}", "missing", pictures, faults)
        faults.check(len(text) > 20, f"{path} says what is missing")
    missing_picture(page, herald.base, gone, faults)
    for path in ["/jobs?created_after=yesterday-ish", "/jobs?arg=nothing", "/campaigns?state=x", "/failures?created_after=x", "/audit?at_after=x", "/audit/verify?checkpoint=x"]:
        show(page, herald.base, f"/w/default{path}", "wrong filter", pictures, faults, 200)
    context.close()


def missing_picture(page, base, gone, faults):
    """A picture that is not there costs a page one line, and not another page."""
    path = f"/w/default/templates/{gone}/preview"
    with page.expect_response(base + path) as answered:
        page.evaluate("address => { new Image().src = address; }", path)
    answer = answered.value
    kind = answer.headers.get("content-type", "")
    faults.check(answer.status == 404 and kind.startswith("text/plain"), f"a missing picture is answered {answer.status} with {kind}")


def over_limit(browser, herald, pictures, faults):
    """A Herald whose limits are one key a workspace and few requests a minute."""
    context = browser.new_context(**VIEWS["light"])
    page = context.new_page()
    page.goto(herald.link)
    page.get_by_label("E-mail address").fill("otto@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url("**/w/default")
    for name in ("first", "second"):
        page.goto(f"{herald.base}/w/default/keys/new")
        page.locator("#f-name").fill(name)
        page.get_by_label("Everything that its role may").check()
        page.get_by_role("button", name="Make the key").click()
        page.wait_for_load_state()
    faults.check(page.locator("#f-name").input_value() == "second", "a key over the limit keeps its form")
    faults.check(page.get_by_role("alert").count() == 1, "a key over the limit says so")
    if pictures:
        page.screenshot(path=pictures / "state-over-limit-keys-1440.png", full_page=True)
    status = 200
    for _ in range(60):
        status = page.goto(f"{herald.base}/w/default/jobs").status
        if status == 429:
            break
    faults.check(status == 429, f"a person over the limit of requests is told so, and not answered {status}")
    faults.check("Try again in" in page.inner_text("body"), "the page says when to come again")
    axe_finds(page, "/jobs", "over limit", faults)
    if pictures:
        page.screenshot(path=pictures / "state-over-limit-requests-1440.png", full_page=True)
    context.close()
