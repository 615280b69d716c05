"""Opens Herald's console in Chromium, and goes the ways that people go. Started by tests/console, which says what is checked."""

import argparse
import contextlib
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EMAIL, PASSWORD = "ann@example.com", "four words make sense"
# What a page may cost, of which axe's own requests are no part.
REQUESTS, KILOBYTES = 3, 60
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
VIEWS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    "narrow": {"color_scheme": "dark", "viewport": {"width": 320, "height": 640}},
}


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


@contextlib.contextmanager
def herald(program):
    """A fresh Herald: its address, and the link of the first start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="herald-console.") as folder:
        log = pathlib.Path(folder) / "log"
        with log.open("wb") as out:
            command = [program, "--data", f"{folder}/data", "up", "--listen", f"127.0.0.1:{port}"]
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=ROOT)
        try:
            deadline = time.monotonic() + 60
            while "herald serves" not in (text := log.read_text(errors="replace")):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Herald does not start:\n{text}")
                time.sleep(0.05)
            key = re.search(r"admin token, shown this once: (\S+)", text)[1]
            yield f"http://127.0.0.1:{port}", re.search(r"http://\S+/setup/\S+", text)[0], key
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            for line in log.read_text(errors="replace").splitlines():
                if " ERROR " in line or "panicked" in line:
                    say(f"Herald's log: {line[:400]}")


def start_run(base, key):
    """The example's run, through the API: pages of runs are fuller with one."""
    boundary = "herald-console-test"
    guests = (ROOT / "examples/guests.csv").read_bytes()
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in [("event", "Spring Gala"), ("template", "Winter Gala")]
    )
    body = fields.encode() + (
        f'--{boundary}\r\nContent-Disposition: form-data; name="guests"; filename="guests.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    ).encode() + guests + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": f"multipart/form-data; boundary={boundary}"}
    with urllib.request.urlopen(urllib.request.Request(f"{base}/api/v1/invitation-runs", body, headers), timeout=60):
        pass


def first_owner(page, base, link, faults):
    """The first start, by mouse."""
    page.goto(link)
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill("short")
    page.get_by_label("Password").evaluate("field => field.removeAttribute('minlength')")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("alert")).to_be_visible()
    faults.check(page.get_by_label("E-mail address").input_value() == EMAIL, "a refused form keeps the address")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url(f"{base}/w/default")
    expect(page.get_by_role("heading", level=1)).to_have_text("Today")


def by_keys(page, base, faults):
    """Signing out and in, and to a page, by the keyboard alone."""
    page.goto(f"{base}/w/default")
    page.keyboard.press("Tab")
    faults.check(page.evaluate("document.activeElement.className") == "skip", "the first stop of Tab skips to the content")
    page.keyboard.press("Enter")
    faults.check(page.evaluate("location.hash") == "#main", "the skip link leads to the content")
    page.keyboard.press("g")
    page.keyboard.press("j")
    page.wait_for_url("**/jobs")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def without_scripts(browser, base, faults):
    """Signing in, looking and signing out work without scripts."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/w/default/jobs?state=dead")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    faults.check(page.url == f"{base}/w/default/jobs?state=dead", f"after signing in comes the wanted page, not {page.url}")
    page.locator("summary", has_text="Your account").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    faults.check(page.url == f"{base}/sign-in", f"signing out leads to the sign-in, not to {page.url}")
    context.close()


def addresses(page, base):
    """Every page that links lead to from the first one: one for each form of an address."""
    found, forms, waiting = [], set(), [f"{base}/w/default"]
    while waiting and len(found) < 80:
        address = waiting.pop(0)
        form = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "{id}", address.split("?")[0])
        form = re.sub(r"/queues/\w+", "/queues/{name}", form)
        if form in forms or re.search(r"\.(csv|zip|png|jpg|webp)$|/(preview|picture|export)", form):
            continue
        forms.add(form)
        answer = page.goto(address)
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        found.append(address)
        links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
        waiting += [link.split("#")[0] for link in links if link.startswith(f"{base}/w/") or link == f"{base}/account"]
    return found


def look(browser, base, state, pages, pictures, faults):
    """Every page in every view: axe, errors of the browser, width, requests and weight."""
    axe = Axe()
    for view, options in VIEWS.items():
        context = browser.new_context(storage_state=state, **options)
        page = context.new_page()
        errors, loaded = [], []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("requestfinished", lambda request: loaded.append(request))
        for address in pages:
            path = address.removeprefix(base)
            errors.clear()
            loaded.clear()
            page.goto(address)
            own = [request for request in loaded if request.resource_type in ("document", "stylesheet", "script", "font")]
            sizes = sum(request.sizes()["responseBodySize"] for request in own) / 1_000
            faults.check(len(own) <= REQUESTS, f"{path} takes {len(own)} requests, at most {REQUESTS}")
            faults.check(sizes < KILOBYTES, f"{path} weighs {sizes:.0f} kB, at most {KILOBYTES}")
            faults.check(not errors, f"{path} ({view}): the browser says {errors[:2]}")
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            faults.check(wide <= 0, f"{path} ({view}) scrolls sideways by {wide} px")
            for violation in axe.run(page, options=RULES).response["violations"]:
                where = violation["nodes"][0]
                faults.check(False, f"{path} ({view}): {violation['id']}: {violation['help']}: {where['html'][:160]}")
            if pictures:
                name = re.sub(r"[^a-z0-9]+", "-", re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", path)).strip("-") or "first"
                page.screenshot(path=pictures / f"{name}-{view}.png", full_page=True)
        context.close()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--herald", required=True)
    arguments.add_argument("--browser", required=True)
    arguments.add_argument("--pictures", type=pathlib.Path)
    asked = arguments.parse_args()
    if asked.pictures:
        asked.pictures.mkdir(parents=True, exist_ok=True)
    faults = Faults()
    # As root, in a container, Chromium's own sandbox does not start. Nothing but Herald is opened in it.
    flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with herald(asked.herald) as (base, link, key), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=asked.browser, args=flags)
        context = browser.new_context(**VIEWS["light"])
        page = context.new_page()
        first_owner(page, base, link, faults)
        start_run(base, key)
        by_keys(page, base, faults)
        without_scripts(browser, base, faults)
        pages = addresses(page, base)
        say(f"{len(pages)} pages in {len(VIEWS)} views")
        outside = [f"{base}/sign-in"]
        look(browser, base, context.storage_state(), pages, asked.pictures, faults)
        look(browser, base, None, outside, asked.pictures, faults)
        browser.close()
    if faults.found:
        sys.exit(f"[tests/console] {len(faults.found)} faults found")
    say("nothing found")


main()
