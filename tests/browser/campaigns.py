"""A campaign as people go: written and counted in the form, submitted, approved by another person, sent, and read row by row."""

import re
import time

from playwright.sync_api import expect

import looks
from stage import VIEWS, sign_in

APPROVER = "olga@example.com"


def furnish(own, faults):
    """A sender, a message template and a draft, so that the pages are fuller with them."""
    sender = {"name": "Newsletter", "from_name": "Example Agency", "from_address": "news@example.com",
              "postal_address": "Example Agency, 1 Example Street, 28001 Madrid"}
    part = {"subject": "Spring", "body": 'Hello {{ name | default("friend") }}'}
    content = {"format": "markdown", "default_language": "en", "languages": {"en": part}}
    ids = []
    for path, body in (("/senders", sender), ("/message-templates", {"name": "Spring letter", "content": content})):
        status, made = own.call("POST", path, body)
        faults.check(status == 201, f"{path} is answered {status}: {made}")
        ids.append(made.get("id"))
    draft = {"channel": "email", "name": "Later", "sender_id": ids[0], "template_id": ids[1], "audience": {"tags": ["vip"]},
             "settings": {"time_zone": "Europe/Madrid", "hours": {"from": "09:00", "to": "20:00", "by_recipient": True}}}
    status, made = own.call("POST", "/campaigns", draft)
    faults.check(status == 201, f"a campaign is answered {status}: {made}")


def send(browser, page, own, pictures, faults):
    """All of it, by the person who writes the campaign and the one who approves it."""
    own.add_person(APPROVER, "agency")
    at = write(page, own, faults)
    confirm(page, "Submit…", "Ask for the approval")
    expect(page.get_by_role("heading", level=1)).to_contain_text("In review")
    faults.check(page.get_by_text("It is your own").count() == 1, "the maker of a campaign is told that somebody else approves it")
    faults.check(page.locator("summary", has_text="Approve…").count() == 0, "the maker of a campaign is not offered to approve it")
    show(page, at, "in-review", pictures, faults)
    approve(browser, own, at, faults)
    page.goto(at)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Approved")
    page.locator("summary", has_text="Send now…").click()
    page.get_by_role("button", name=re.compile("^Send to ")).click()
    page.wait_for_load_state()
    campaign = ended(own, at.rsplit("/", 1)[1])
    faults.check(campaign["state"] == "sent", f"a campaign that is sent is {campaign['state']}: {campaign.get('reason')}")
    counts = campaign["counts"]
    faults.check(counts["sent"] + counts["delivered"] > 0, f"its messages are sent: {counts}")
    page.goto(at)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sent")
    show(page, at, "sent", pictures, faults)
    read(page, at, counts, pictures, faults)


def write(page, own, faults):
    """The form, whose audience is counted as it changes. Returns the address of the campaign."""
    page.goto(f"{own.base}/w/default/campaigns/new")
    page.get_by_label("Name", exact=True).fill("Spring")
    page.get_by_label("Sender").select_option(label="Newsletter")
    page.get_by_label("Message template").select_option(label="Spring letter")
    counted = page.locator("#counted")
    expect(counted).to_contain_text("Nobody is meant yet")
    page.get_by_label("Everybody in this workspace").check()
    expect(counted).to_contain_text("now:")
    faults.check(page.get_by_label("Name", exact=True).input_value() == "Spring", "the form keeps its values while it is counted")
    page.get_by_role("button", name="Make the draft").click()
    page.wait_for_url(re.compile(r"/campaigns/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Draft")
    return page.url


def approve(browser, own, at, faults):
    """Another person finds the campaign in the list and approves it, without scripts."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, own.base, APPROVER)
    page.goto(f"{own.base}/w/default/campaigns?state=in_review")
    page.get_by_role("link", name="Spring").click()
    faults.check(page.url == at, f"the list leads to the campaign, not to {page.url}")
    confirm(page, "Approve…", "Approve it")
    faults.check("is approved as it is" in page.inner_text("main"), "the approval is said")
    context.close()


def confirm(page, opener, button):
    page.locator("summary", has_text=opener).click()
    page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_load_state()


def ended(own, campaign, seconds=60):
    """Waits until nothing of a campaign is on its way."""
    deadline = time.monotonic() + seconds
    while True:
        _, found = own.call("GET", f"/campaigns/{campaign}")
        if found["state"] not in ("scheduled", "sending") or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def read(page, at, counts, pictures, faults):
    """The rows, by state and by address, and from a row to its contact."""
    page.goto(f"{at}/messages")
    rows = page.locator("tbody tr").count()
    faults.check(rows == counts["planned"], f"{counts['planned']} messages have {rows} rows")
    show(page, f"{at}/messages", "messages", pictures, faults)
    page.get_by_label("Whole address").fill("amelie@example.com")
    page.get_by_role("button", name="Find").click()
    page.wait_for_url("**address=amelie*")
    faults.check(page.locator("tbody tr").count() == 1, "one message went to an address")
    page.locator("tbody th a").first.click()
    page.wait_for_url("**/contacts/**")
    faults.check("Amélie" in page.inner_text("h1"), "a row leads to its contact")


def show(page, address, name, pictures, faults):
    """The page as it is now, by the rules, wide and narrow. No link leads to these states."""
    for view in ("light", "phone"):
        page.set_viewport_size(VIEWS[view]["viewport"])
        page.goto(address)
        faults.check(page.evaluate(looks.WIDER) <= 0, f"a campaign ({name}, {view}) scrolls sideways")
        looks.axe_finds(page, f"/w/default/campaigns ({name})", view, faults)
        if pictures:
            page.screenshot(path=pictures / f"campaign-{name}-{view}.png", full_page=True)
    page.set_viewport_size(VIEWS["light"]["viewport"])
