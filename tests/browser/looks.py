"""How pages look to everybody: the rules of WCAG 2.2 AA, width, weight, errors of the browser, and pictures."""

import re

from axe_playwright_python.sync_playwright import Axe

from stage import VIEWS

# What a page may cost, of which axe's own requests are no part.
REQUESTS, KILOBYTES = 3, 60
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Colours of the system's own; from right to left; and twice the size, which is half the room.
ODD = {
    "forced colours": {"forced_colors": "active", "viewport": {"width": 1440, "height": 900}},
    "right to left": {"viewport": {"width": 1440, "height": 900}},
    "right to left on a phone": {"viewport": {"width": 360, "height": 740}},
    "200 % zoom": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
}
# A phone's page has the rules of the narrow one; direction and size change no element.
HELD_TO_RULES = {"light", "dark", "narrow", "forced colours"}


def named(path, view):
    """The file name of a picture."""
    name = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", path)
    return f"{re.sub(r'[^a-z0-9]+', '-', name).strip('-') or 'first'}-{view}.png"


def axe_finds(page, path, view, faults):
    for violation in Axe().run(page, options=RULES).response["violations"]:
        where = violation["nodes"][0]
        faults.check(False, f"{path} ({view}): {violation['id']}: {violation['help']}: {where['html'][:160]}")


def look(browser, base, state, pages, view, pictures, faults):
    """Every page in a view."""
    context = browser.new_context(storage_state=state, **VIEWS[view])
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
        # What stands in a frame is shown, as a picture is: a mail in the page of its template.
        whole = [request for request in loaded if request.frame == page.main_frame]
        own = [request for request in whole if request.resource_type in ("document", "stylesheet", "script", "font")]
        sizes = sum(request.sizes()["responseBodySize"] for request in own) / 1_000
        faults.check(len(own) <= REQUESTS, f"{path} takes {len(own)} requests, at most {REQUESTS}")
        faults.check(sizes < KILOBYTES, f"{path} weighs {sizes:.0f} kB, at most {KILOBYTES}")
        faults.check(not errors, f"{path} ({view}): the browser says {errors[:2]}")
        wide = page.evaluate(WIDER)
        faults.check(wide <= 0, f"{path} ({view}) scrolls sideways by {wide} px")
        if view in HELD_TO_RULES:
            axe_finds(page, path, view, faults)
        if pictures:
            page.screenshot(path=pictures / named(path, view), full_page=True)
    context.close()


def look_oddly(browser, base, state, pages, view, pictures, faults):
    """Every page with colours of the system, from right to left, or at twice the size."""
    context = browser.new_context(storage_state=state, **ODD[view])
    page = context.new_page()
    for address in pages:
        path = address.removeprefix(base)
        page.goto(address)
        if view.startswith("right"):
            page.evaluate("document.documentElement.dir = 'rtl'")
        wide = page.evaluate(WIDER)
        faults.check(wide <= 0, f"{path} ({view}) scrolls sideways by {wide} px")
        if view in HELD_TO_RULES:
            axe_finds(page, path, view, faults)
        if pictures:
            page.screenshot(path=pictures / named(path, view.replace(" ", "-")), full_page=True)
    context.close()
