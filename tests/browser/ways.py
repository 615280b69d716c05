"""The ways that people go: by mouse, by the keyboard alone, and without scripts."""

from playwright.sync_api import expect

from stage import EMAIL, PASSWORD, sign_in


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


def tab_to(page, holds, most=120):
    """Presses Tab until the focus stands where it should; false if it never does."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"(() => {{ const it = document.activeElement; return {holds}; }})()"):
            return True
    return False


def by_keys(page, base, faults):
    """To a page, to its help, and a key made and revoked, by the keyboard alone."""
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
    choose_rows(page, base, faults)
    make_a_key(page, base, faults)


def choose_rows(page, base, faults):
    """Two jobs of a list, and what would become of them."""
    page.goto(f"{base}/w/default/jobs?state=succeeded")
    expect(page.locator(".picked")).to_be_hidden()
    for key in "jxjx":
        page.keyboard.press(key)
    expect(page.locator(".picked")).to_be_visible()
    page.get_by_role("button", name="Delete…").press("Enter")
    page.wait_for_url("**/jobs/act/delete?*")
    faults.check("Delete 2 jobs?" in page.inner_text("h1"), "the two jobs that were chosen are counted")


def make_a_key(page, base, faults):
    """The whole form of a key, from the list and back, without the mouse."""
    page.goto(f"{base}/w/default/keys/new")
    faults.check(tab_to(page, "it.id === 'f-name'"), "Tab reaches the name of a new key")
    page.keyboard.type("by keyboard")
    faults.check(tab_to(page, "it.value === '*' && it.name === 'scopes'"), "Tab reaches the boxes of a new key")
    page.keyboard.press("Space")
    faults.check(tab_to(page, "it.matches('button.primary')"), "Tab reaches the button of a new key")
    seen = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    faults.check(seen != "none", "the focus is visible on a button")
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    faults.check("by keyboard is made" in page.inner_text("h1"), "a key is made by the keyboard alone")
    page.goto(f"{base}/w/default/keys")
    faults.check("by keyboard" in page.inner_text("table"), "the list has the key that the keyboard made")


def without_scripts(browser, base, faults):
    """Signing in, looking, filtering, a refused form, an act and signing out work without scripts."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/w/default/jobs?state=dead")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    faults.check(page.url == f"{base}/w/default/jobs?state=dead", f"after signing in comes the wanted page, not {page.url}")
    schedule_without_scripts(page, base, faults)
    page.locator("summary", has_text="Your account").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    faults.check(page.url == f"{base}/sign-in", f"signing out leads to the sign-in, not to {page.url}")
    context.close()


def schedule_without_scripts(page, base, faults):
    """A schedule is refused, keeps what was typed, is made, and is deleted."""
    page.goto(f"{base}/w/default/schedules/new")
    page.locator("#f-name").fill("Without scripts")
    page.locator("#f-cron").fill("not a time")
    page.locator("#f-args").fill('{"event": "Spring Gala", "template": "Winter Gala", "source": {"kind": "mautic", "form": 1}}')
    page.get_by_label("Make it paused").check()
    page.get_by_role("button", name="Make the schedule").click()
    faults.check(page.locator("#f-cron").get_attribute("aria-invalid") == "true", "a wrong time is marked at its field")
    faults.check(page.locator("#f-name").input_value() == "Without scripts", "a refused schedule keeps its name")
    page.goto(f"{base}/w/default/keys/new")
    page.locator("#f-name").fill("without scripts")
    page.get_by_label("Everything that its role may").check()
    page.get_by_role("button", name="Make the key").click()
    faults.check("is made" in page.inner_text("h1"), "a key is made without scripts")


def leave(browser, own, faults):
    """A person leaves a workspace, and it is closed to them; its last owner may not, and is told why."""
    own.add_person("lea@example.com", "staff")
    for email, leaves in (("lea@example.com", True), (EMAIL, False)):
        context = browser.new_context()
        page = context.new_page()
        sign_in(page, own.base, email)
        page.goto(f"{own.base}/account")
        page.get_by_text("Leave…").click()
        page.get_by_role("button", name="Leave ").click()
        page.wait_for_load_state()
        said = page.inner_text("main")
        status = page.goto(f"{own.base}/w/default").status
        if leaves:
            faults.check("You left the workspace." in said and "You are not in a workspace." in said, f"leaving is said: {said[:200]}")
            faults.check(status == 404, f"a workspace is closed to a person who left, and not answered {status}")
        else:
            faults.check("owner" in said, f"the last owner is told why they stay: {said[:200]}")
            faults.check(status == 200, f"the last owner stays, and the workspace is not answered {status}")
        context.close()
