"""Opens Herald's console in Chromium, and goes the ways that people go. Started by tests/console, which says what is checked."""

import argparse
import concurrent.futures
import pathlib
import sys
import tempfile
import time

from playwright.sync_api import sync_playwright

import accounts
import campaigns
import fleet
import forms
import hostile
import looks
import making
import markup
import states
import ways
from stage import ROOT, VIEWS, Faults, Fleet, Herald, addresses, herald, outside, say

# As root, in a container, Chromium's own sandbox does not start. Nothing but Herald is opened in it.
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
# Browsers wait more than they compute: so many groups at once, and so many browsers that look at pages.
GROUPS, LOOKING = 3, 2
OUTSIDE = ["/sign-in", "/forgot", "/register"]
TIGHT = {"HERALD__QUOTAS__KEYS": "1", "HERALD__LIMITS__GENERAL_PER_MINUTE": "60"}


class Group:
    """Checks that share a Herald and a browser, in a thread of their own: each thread has its own Playwright."""

    def __init__(self, asked, faults):
        self.asked, self.faults = asked, faults

    def run(self, work, settings=None, kind=Herald, more=()):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="herald-console.") as folder, herald(self.asked.herald, folder, settings, kind) as own:
            self.in_a_browser(work, own, *more)
        say(f"{work.__name__}: {time.monotonic() - begun:.0f} s")

    def run_outside(self, work):
        """The same beside fake providers: Herald's settings say where they are."""
        with tempfile.TemporaryDirectory(prefix="herald-console-outside.") as folder, outside(self.asked.fakes, folder) as there:
            self.run(work, there.settings, more=(there,))

    def in_a_browser(self, work, *arguments):
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=self.asked.browser, args=FLAGS)
            try:
                work(browser, *arguments)
            finally:
                browser.close()

    def begin(self, browser, own):
        """The first person, a run and a lead: pages are fuller with them. Returns the session."""
        context = browser.new_context(**VIEWS["light"])
        page = context.new_page()
        ways.first_owner(page, own.base, own.link, self.faults)
        guests = (ROOT / "examples/guests.csv").read_bytes()
        own.send("/invitation-runs", [("event", "Spring Gala"), ("template", "Winter Gala")], [("guests", "guests.csv", guests)])
        lead = {
            "contact": {"name": "Amélie Example", "email": "amelie@example.com", "phone": "+34600000001", "country": "ES",
                        "locale": "fr", "tags": ["VIP"], "fields": {"company": "Example Ltd"}},
            "lead": {"need": "A dinner for 40 guests", "value_minor": 250000, "currency": "EUR", "source": "website",
                     "follow_up_at": "2026-03-02T09:30", "follow_up_zone": "Europe/Madrid"},
        }
        status, made = own.call("POST", "/leads", lead)
        self.faults.check(status == 201, f"a lead is answered {status}: {made}")
        consent = {"channel": "email", "given": True, "wording": "News of events", "source": "sign-up form"}
        own.call("POST", f"/contacts/{made['contact_id']}/consents", consent)
        rows = "name,email,country,table\nDi Example,di@example.com,Spain,7\nBad,nowhere,ES,\n".encode()
        status, made = own.send("/imports", [("tags", "gala")], [("file", "people.csv", rows)])
        self.faults.check(status == 201, f"a list is answered {status}: {made}")
        rows = "name,email,need,budget\nEd Example,ed@example.com,A dinner,2500\nFi Example,,A lunch,lots\n".encode()
        status, made = own.send("/imports", [("what", "leads")], [("file", "leads.csv", rows)])
        self.faults.check(status == 201, f"a list of leads is answered {status}: {made}")
        rule = {"all": [{"tag": "vip"}, {"not": {"lead": {"stands_for": "lost"}}}]}
        status, made = own.call("POST", "/segments", {"name": "VIP guests", "rule": rule})
        self.faults.check(status == 201, f"a segment is answered {status}: {made}")
        campaigns.furnish(own, self.faults)
        return context, page

    def pages(self, browser, own):
        """Ways, every page in every view, and its HTML."""
        context, page = self.begin(browser, own)
        ways.by_keys(page, own.base, self.faults)
        ways.without_scripts(browser, own.base, self.faults)
        found = addresses(page, own.base)
        outside = [own.base + path for path in OUTSIDE]
        state = context.storage_state()
        say(f"{len(found)} pages in {len(VIEWS) + len(looks.ODD)} views")
        texts = {address.removeprefix(own.base): page.request.get(address).text() for address in found}
        open_context = browser.new_context()
        texts |= {path: open_context.request.get(own.base + path).text() for path in OUTSIDE}
        if self.asked.vnu:
            markup.check(self.asked.vnu, texts, self.faults)
        with concurrent.futures.ThreadPoolExecutor(LOOKING) as pool:
            looking = [(looks.look, state, found, view) for view in VIEWS] + [(looks.look, None, outside, view) for view in VIEWS]
            looking += [(looks.look_oddly, state, found, view) for view in looks.ODD]
            runs = [pool.submit(self.in_a_browser, self.look, own.base, *one) for one in looking]
            for run in concurrent.futures.as_completed(runs):
                run.result()

    def look(self, browser, base, how, state, pages, view):
        how(browser, base, state, pages, view, self.asked.pictures, self.faults)

    def acts(self, browser, own):
        """Forms and what may come between, hostile texts, and rare states."""
        context, _ = self.begin(browser, own)
        forms.all_of_them(browser, own, self.faults)
        # Signing out everywhere ended the first session, too.
        context, _ = forms.in_a_browser(browser, own.base)
        state = context.storage_state()
        pictures = self.asked.pictures
        states.empty(browser, own, state, pictures, self.faults)
        states.forbidden(browser, own, pictures, self.faults)
        states.loading(browser, own, state, pictures, self.faults)
        states.faulty(browser, own, state, pictures, self.faults)
        taken = hostile.furnish(own, self.faults)
        say(f"hostile texts stand in {', '.join(taken)}")
        say(f"{hostile.open_all(browser, own, state, self.faults)} pages show them, opened without the browser's policy")

    def makes(self, browser, own):
        """From a list to invitations, guests mended, a template edited."""
        _, page = self.begin(browser, own)
        making.make(page, own, self.asked.pictures, self.faults)

    def campaigns(self, browser, own):
        """A campaign from its form to the last of its messages."""
        _, page = self.begin(browser, own)
        campaigns.send(browser, page, own, self.asked.pictures, self.faults)

    def accounts(self, browser, own, there):
        """Accounts at providers and the CRM, and a person who leaves."""
        _, page = self.begin(browser, own)
        ways.leave(browser, own, self.faults)
        accounts.all_of_them(browser, page, own, there, self.asked.pictures, self.faults)

    def fleet(self, browser, own):
        """What only a fleet has: workers."""
        _, page = self.begin(browser, own)
        fleet.quiet_and_back(page, own, self.asked.pictures, self.faults)

    def limits(self, browser, own):
        states.over_limit(browser, own, self.asked.pictures, self.faults)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--herald", required=True)
    arguments.add_argument("--fakes", required=True, help="the program that plays the providers")
    arguments.add_argument("--browser", required=True)
    arguments.add_argument("--vnu", help="the checker of HTML; without it, HTML is not checked")
    arguments.add_argument("--pictures", type=pathlib.Path)
    asked = arguments.parse_args()
    if asked.pictures:
        asked.pictures.mkdir(parents=True, exist_ok=True)
    begun, faults = time.monotonic(), Faults()
    group = Group(asked, faults)
    with concurrent.futures.ThreadPoolExecutor(GROUPS) as pool:
        works = [(group.run, group.pages), (group.run, group.acts), (group.run, group.makes), (group.run_outside, group.accounts)]
        works += [(group.run, group.campaigns), (group.run, group.fleet, None, Fleet), (group.run, group.limits, TIGHT)]
        runs = [pool.submit(*work) for work in works]
        for run in concurrent.futures.as_completed(runs):
            if error := run.exception():
                faults.check(False, f"a check broke off: {type(error).__name__}: {str(error)[:600]}")
    say(f"{time.monotonic() - begun:.0f} s in all")
    if faults.found:
        sys.exit(f"[tests/console] {len(faults.found)} faults found")
    say("nothing found")


main()
