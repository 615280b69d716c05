"""Texts of strangers that would run as a script if a page wrote them as they are: in every field that the API takes.

Every page is opened with the browser's own policy switched off. So the pages themselves must write the texts as texts."""

import io
import zipfile

from stage import ROOT, addresses

# What a page must never do with it: run it, make an element of it, or leave an attribute through it.
TEXT = "\"'><img src=x onerror=\"window.ran=1\"><svg onload=window.ran=2><script>window.ran=3</script>{{ 7 * 7 }}"
SHORT = "'\"><img src=x onerror=ran=1>"
# A place in which a text is an address.
ADDRESS = "javascript:window.ran=4"


def furnish(herald, faults):
    """One of everything, named by the hostile text. A field that the API refuses is not told as a fault: it is closed."""
    taken, refused = [], []

    def put(what, method, path, body):
        status, answer = herald.call(method, path, body)
        (taken if status < 300 else refused).append(what if status < 300 else (what, answer))
        return answer

    put("key", "POST", "/keys", {"name": SHORT, "role": "viewer"})
    put("connection", "PUT", "/connections/crm", mautic("https://crm.example.com/" + SHORT))
    put("connection's address", "PUT", "/connections/evil", mautic(ADDRESS))
    put("connection's name", "PUT", "/connections/%3Cimg%20src=x%20onerror=ran=1%3E", mautic("https://crm.example.com"))
    put("connection's user", "PUT", "/connections/user", {**mautic("https://crm.example.com"), "user": TEXT})
    put("test of a connection", "POST", "/connections/crm/test", {"target": TEXT})
    put("invitation of a member", "POST", "/workspace-invitations", {"role": "viewer", "email": f'"{SHORT}"@example.com'})
    args = {"event": TEXT, "template": "Winter Gala", "source": {"kind": "mautic", "connection": "crm", "search": TEXT}}
    put("schedule", "POST", "/schedules", {"name": TEXT[:95].strip(), "cron": "@daily", "time_zone": "UTC", "kind": "invitation.start", "args": args, "paused": True})
    put("job", "POST", "/jobs", {"kind": "invitation.start", "args": args})
    put("campaign", "POST", "/campaigns", {"channel": "email", "name": TEXT[:190], "audience": {"tags": [SHORT]}})
    put("queue", "PUT", f"/queues/drive/keys/{'%3Cimg%20src=x%20onerror=ran=1%3E'}", {"concurrency": 3})
    template(herald, taken, refused)
    run(herald, taken, refused)
    faults.check(len(taken) >= 7, f"the API takes hostile texts in {taken}, and refuses {refused}")
    return taken


def mautic(url):
    return {"provider": "mautic", "url": url, "user": "herald", "password": "not a secret"}


def template(herald, taken, refused):
    """The example's template under a hostile name, with a hostile file name."""
    folder = ROOT / "examples/templates/gala"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in folder.rglob("*"):
            if file.is_file():
                archive.writestr(str(file.relative_to(folder)), file.read_bytes())
    status, answer = herald.send("/templates", [("name", SHORT)], [("files", SHORT + ".zip", packed.getvalue())])
    (taken if status < 300 else refused).append("template" if status < 300 else ("template", answer))


def run(herald, taken, refused):
    """A run whose guests, event, list and pictures have hostile names, and some of whose rows are faulty."""
    quoted = TEXT.replace('"', '""')
    rows = ["name,email,picture,table", f'"{quoted}",one@example.com,,"{quoted}"', f'"{quoted}",two@example.com,"{quoted}.jpg",2']
    rows += [f'"{quoted}","{quoted}",,3', ',,"",']
    files = [("guests", SHORT + ".csv", "\n".join(rows).encode())]
    status, answer = herald.send("/invitation-runs", [("event", TEXT), ("template", "Winter Gala")], files)
    (taken if status < 300 else refused).append("run" if status < 300 else ("run", answer))
    if status < 300:
        herald.settle(answer["id"])


def name_oneself(page, base):
    """The fields that only a person has: the profile, and the name of a workspace."""
    page.goto(f"{base}/account")
    page.get_by_label("About you").fill(TEXT)
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"{base}/welcome")
    page.get_by_label("Name", exact=True).fill(SHORT)
    page.get_by_label("Short name").fill("hostile")
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url("**/w/hostile")


def open_all(browser, herald, state, faults):
    """Every page, and the lists with the text in each of their filters: nothing runs, and no element comes of a text."""
    context = browser.new_context(storage_state=state, bypass_csp=True)
    page = context.new_page()
    shown = 0
    name_oneself(page, herald.base)
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    pages = addresses(page, herald.base)
    escaped = "".join(f"%{byte:02x}" for byte in TEXT.encode())
    lists = ["jobs?kind=", "jobs?arg=", "jobs?queue=", "jobs?fingerprint=", "jobs?created_after=", "failures?kind=", "audit?who=",
             "audit?action=", "audit/verify?checkpoint=", "runs?cursor=", "runs/new?event=", "jobs/act/retry?kind=", "schedules?cursor="]
    pages += [f"{herald.base}/w/default/{one}{escaped}" for one in lists]
    pages += [f"{herald.base}/w/{escaped}/jobs", f"{herald.base}/sign-in?then={escaped}", f"{herald.base}/sign-in?then={ADDRESS}"]
    for address in pages:
        page.goto(address)
        path = address.removeprefix(herald.base)[:60]
        page.wait_for_timeout(30)
        shown += "onerror" in page.inner_text("body")
        ran = page.evaluate("window.ran || 0")
        faults.check(not ran, f"{path} runs the text of a stranger ({ran})")
        made = page.locator("main img[src='x'], [onerror], [onload], main script").count()
        faults.check(not made, f"{path} makes {made} elements of the text of a stranger")
        links = page.eval_on_selector_all("a[href], form[action]", "all => all.map(one => one.getAttribute('href') || one.getAttribute('action'))")
        faults.check(not [link for link in links if link.strip().lower().startswith("javascript:")], f"{path} links to a script")
        faults.check("49" not in page.title(), f"{path} computes what a stranger wrote")
    # The name of the workspace alone stands on every page: what matters is where it stands as a text.
    faults.check(shown > 20, f"the texts of strangers are shown on {shown} pages only: this check sees too little")
    faults.check(not dialogs, f"a dialog opens: {dialogs[:2]}")
    context.close()
    return shown
