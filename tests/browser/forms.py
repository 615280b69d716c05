"""What may happen to a form between the page and its effect: two clicks, another session, another person, a restart."""

from playwright.sync_api import expect

from stage import EMAIL, PASSWORD, sign_in


def in_a_browser(browser, base, email=EMAIL):
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, base, email)
    return context, page


def fill_key(page, base, name):
    page.goto(f"{base}/w/default/keys/new")
    page.locator("#f-name").fill(name)
    page.get_by_label("Everything that its role may").check()


def keys_named(herald, name):
    return [key for key in herald.call("GET", "/keys")[1]["items"] if key["name"] == name]


def sent_twice(browser, herald, faults):
    """A form that is sent twice at the same moment acts once."""
    context, page = in_a_browser(browser, herald.base)
    fill_key(page, herald.base, "twice")
    statuses = page.evaluate(
        """async () => {
            const form = document.querySelector('form[action$="/acts/makeKey"]');
            const body = new URLSearchParams(new FormData(form));
            const send = () => fetch(form.action, { method: 'POST', body, headers: { accept: 'text/html' } });
            return (await Promise.all([send(), send()])).map(answer => answer.status);
        }"""
    )
    made = len(keys_named(herald, "twice"))
    faults.check(made == 1, f"a form sent twice at once makes {made} keys, answered {statuses}")
    fill_key(page, herald.base, "clicked twice")
    page.get_by_role("button", name="Make the key").dblclick()
    expect(page.locator("h1")).to_have_text("clicked twice is made")
    made = len(keys_named(herald, "clicked twice"))
    faults.check(made == 1, f"two clicks make {made} keys")
    context.close()


def session_ends(browser, herald, faults):
    """A session that ends while a form is open: the form is there after signing in, and acts when it is sent."""
    context, page = in_a_browser(browser, herald.base)
    fill_key(page, herald.base, "kept")
    context.clear_cookies()
    page.get_by_role("button", name="Make the key").click()
    faults.check(page.inner_text("h1") == "You were signed out", "a form of a session that ended asks to sign in")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    faults.check("kept" in page.inner_text("main"), "after signing in the form shows what it held")
    faults.check(not keys_named(herald, "kept"), "nothing is done before the person says so")
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_load_state()
    faults.check(len(keys_named(herald, "kept")) == 1, "the form acts once when the person sends it")
    context.close()


def overtaken(browser, herald, faults):
    """A form that somebody else overtook shows both versions, and saves when it is sent again."""
    context, page = in_a_browser(browser, herald.base)
    page.goto(f"{herald.base}/account")
    page.get_by_label("About you").fill("typed here")
    other = context.new_page()
    other.goto(f"{herald.base}/account")
    other.get_by_label("About you").fill("saved elsewhere")
    other.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Save", exact=True).click()
    faults.check(page.get_by_label("About you").input_value() == "typed here", "a stale form keeps what was typed")
    faults.check("saved elsewhere" in page.inner_text("main"), "a stale form shows what stands now")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"{herald.base}/account")
    faults.check(page.get_by_label("About you").input_value() == "typed here", "sent again, the form saves")
    page.get_by_label("About you").fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    context.close()


def two_workspaces(browser, herald, faults):
    """Two tabs in two workspaces: each act lands in its own."""
    context, page = in_a_browser(browser, herald.base)
    page.goto(f"{herald.base}/welcome")
    page.get_by_label("Name", exact=True).fill("Second")
    page.get_by_label("Short name").fill("second")
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url("**/w/second")
    tabs = {"default": context.new_page(), "second": page}
    for slug, tab in tabs.items():
        tab.goto(f"{herald.base}/w/{slug}/keys/new")
        tab.locator("#f-name").fill(f"of {slug}")
        tab.get_by_label("Everything that its role may").check()
    # The one that was opened last is sent first.
    for slug, tab in reversed(tabs.items()):
        tab.get_by_role("button", name="Make the key").click()
        tab.wait_for_load_state()
    for slug, tab in tabs.items():
        tab.goto(f"{herald.base}/w/{slug}/keys")
        text = tab.inner_text("main")
        other = next(name for name in tabs if name != slug)
        faults.check(f"of {slug}" in text and f"of {other}" not in text, f"the key of {slug} is in {slug} alone")
    context.close()


def everywhere(browser, herald, faults):
    """Signing out everywhere ends another browser, and another tab."""
    one, page = in_a_browser(browser, herald.base)
    two, other = in_a_browser(browser, herald.base)
    tab = one.new_page()
    tab.goto(f"{herald.base}/w/default/jobs")
    other.goto(f"{herald.base}/w/default/jobs")
    page.goto(f"{herald.base}/account/security")
    page.locator("summary", has_text="Sign out everywhere").click()
    page.get_by_role("button", name="Sign out everywhere").click()
    page.wait_for_load_state()
    for name, view in {"this tab": page, "another tab": tab, "another browser": other}.items():
        view.goto(f"{herald.base}/w/default/jobs")
        faults.check("/sign-in" in view.url, f"signing out everywhere ends {name}, which shows {view.url}")
    one.close()
    two.close()


def restarted(browser, herald, faults):
    """Herald is started anew while a form is open: the form is sent as if nothing had been."""
    context, page = in_a_browser(browser, herald.base)
    fill_key(page, herald.base, "through a restart")
    herald.restart()
    page.get_by_role("button", name="Make the key").click()
    page.wait_for_load_state()
    faults.check("through a restart is made" in page.inner_text("h1"), f"a restart loses nothing: {page.inner_text('h1')}")
    context.close()


def all_of_them(browser, herald, faults):
    for check in (sent_twice, session_ends, overtaken, two_workspaces, everywhere, restarted):
        try:
            check(browser, herald, faults)
        except Exception as error:  # noqa: BLE001: the other checks are to run as well
            faults.check(False, f"{check.__name__}: {type(error).__name__}: {str(error)[:400]}")
