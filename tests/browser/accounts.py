"""Accounts at Google, Mautic and in a bucket, and the agency's CRM: connected, consented to, tested and read, as people do.

The providers are fakes on this machine. Herald and the browser speak to them as to the real ones."""

import time

from playwright.sync_api import expect

import looks
import states
from stage import sign_in

# Milliseconds in which a worker carries out a test: it is asked at once, and nothing else is to do.
PATIENCE = 20_000


def all_of_them(browser, page, own, there, pictures, faults):
    for check in (google_by_consent, google_by_key, bucket, mautic, crm):
        try:
            check(browser, page, own, there, faults)
        except Exception as error:  # noqa: BLE001: the other checks are to run as well
            faults.check(False, f"{check.__name__}: {type(error).__name__}: {str(error)[:600]}")
    for path in ("/connections", "/connections/drive", "/connections/robot", "/connections/mautic", "/crm", "/crm/people", "/users"):
        states.show(page, own.base, f"/w/default{path}", "connected", pictures, faults, 200)


def connect(page, own, provider, fields, way=None, ticks=()):
    """From the list of accounts to the page of a new one."""
    page.goto(f"{own.base}/w/default/connections")
    page.get_by_role("link", name="Connect an account").first.click()
    page.get_by_role("link", name=f"Connect {provider}").click()
    if way:
        page.get_by_role("link", name=way).click()
    for name, value in fields.items():
        page.locator(f"#f-{name}").fill(value)
    for tick in ticks:
        page.get_by_label(tick).check()
    page.get_by_role("button", name="Connect", exact=True).click()
    page.wait_for_url(f"**/connections/{fields['name']}")


def is_in_state(page, state):
    expect(page.locator("h1 .state")).to_have_text(state, timeout=PATIENCE)


def tested(page, state, target=None):
    """Tests the account of the page, and waits for what the test finds. Returns what it says."""
    if target:
        page.locator("#f-target").fill(target)
        page.locator("form", has=page.locator("#f-target")).get_by_role("button", name="Test").click()
    else:
        page.locator(".head").get_by_role("button", name="Test", exact=True).click()
    page.wait_for_url("**/tests/**")
    is_in_state(page, state)
    return page.inner_text("main")


def google_by_consent(browser, page, own, there, faults):
    """A person consents in a window of its own; before it the account says what it lacks, and after it that it works."""
    address = f"{own.base}/w/default/connections/drive"
    connect(page, own, "Google Drive", {"name": "drive", "client": there.client.read_text()}, way="A person's consent")
    is_in_state(page, "Needs you")
    said = tested(page, "Needs you")
    faults.check("consent" in said, f"a test before the consent asks for it: {said[:200]}")
    page.goto(address)
    page.get_by_role("button", name="Ask for consent").click()
    expect(page.locator("h1")).to_have_text("Consent at Google")
    # No link leads here, so it is looked at now.
    looks.axe_finds(page, "/w/default/acts/authorizeConnection", "light", faults)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Go on to Google").click()
    window = opened.value
    expect(window.locator("h1")).to_have_text("Google is connected")
    looks.axe_finds(window, "/oauth2callback", "light", faults)
    window.close()
    page.get_by_role("link", name="Back to drive").click()
    page.wait_for_url(address)
    is_in_state(page, "Works")
    faults.check("until somebody does" not in page.inner_text("main"), "an account that works does not ask for consent")
    said = tested(page, "Works")
    faults.check("Google issues tokens" in said, f"a test after the consent names what works: {said[:200]}")


def google_by_key(browser, page, own, there, faults):
    """A service account, tested with a folder."""
    connect(page, own, "Google Drive", {"name": "robot", "service_account": there.key.read_text()})
    said = tested(page, "Works", there.drive)
    faults.check("may write to it" in said, f"a test with a folder says whether Herald may write there: {said[:200]}")


def bucket(browser, page, own, there, faults):
    """A bucket works, does not with another key, says so, and is deleted."""
    ticks = ("The bucket's name stands in the path", "The server may be called without TLS")
    fields = {"bucket": there.bucket_name, "endpoint": there.bucket, "access_key_id": there.access_key, "secret_key": "any"}
    connect(page, own, "Bucket", {"name": "bucket", **fields}, ticks=ticks)
    said = tested(page, "Works")
    faults.check("write, read and delete" in said, f"a test of a bucket says what Herald can do: {said[:200]}")
    page.get_by_role("link", name="bucket", exact=True).click()
    page.get_by_role("link", name="Change", exact=True).click()
    kept = [page.get_by_label(tick).is_checked() for tick in ticks]
    faults.check(all(kept), f"the form of a bucket shows its ticks as they are: {kept}")
    page.locator("#f-access_key_id").fill("UNKNOWNKEY")
    page.locator("#f-secret_key").fill("any")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/connections/bucket")
    tested(page, "Needs you")
    page.get_by_role("link", name="bucket", exact=True).click()
    is_in_state(page, "Needs you")
    page.get_by_text("Delete…").click()
    page.get_by_role("button", name="Delete bucket").click()
    page.wait_for_url("**/connections")
    faults.check(page.locator("table th a", has_text="bucket").count() == 0, "a deleted account is gone from the list")


def mautic(browser, page, own, there, faults):
    """Mautic, tested with a form."""
    fields = {"name": "mautic", "url": there.mautic, "user": there.user, "password": there.password}
    connect(page, own, "Mautic", fields)
    said = tested(page, "Works", "1")
    faults.check("«Gala»" in said, f"a test with a form names it: {said[:200]}")
    page.get_by_role("button", name="Test again").click()
    is_in_state(page, "Works")
    faults.check("«Gala»" in page.inner_text("main"), "a test again looks at the same form")


def crm(browser, page, own, there, faults):
    """A sync reads everybody, and one of them signs in with the CRM's password."""
    page.goto(f"{own.base}/w/default/crm")
    page.get_by_label("What to read").select_option("all")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("The sync begins.")
    row = page.locator("#syncs tbody tr").first
    deadline = time.monotonic() + PATIENCE / 1000
    while row.count() == 0 or row.locator(".state").inner_text() == "Running":
        if time.monotonic() > deadline:
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(row.locator(".state")).to_have_text("Done")
    page.get_by_role("link", name="People", exact=True).click()
    expect(page.locator("table")).to_contain_text(there.person)
    page.locator("tr", has_text=there.person).get_by_role("link").click()
    page.wait_for_url("**/users/**")
    expect(page.locator("main")).to_contain_text(there.person)
    context = browser.new_context()
    theirs = context.new_page()
    sign_in(theirs, own.base, there.person, password=there.person_password)
    expect(theirs.locator("h1")).to_have_text("Today")
    context.close()
