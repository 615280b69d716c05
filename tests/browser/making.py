"""From a list to invitations, as people go: example data, a checked list, a guest mended, a template edited, and the search."""

import re

from playwright.sync_api import expect

import looks
from stage import ROOT


def make(page, own, pictures, faults):
    """All of it, in a workspace that has a run."""
    by_list(page, own, pictures, faults)
    example(page, own, faults)
    search(page, own, faults)
    edit(page, own, faults)
    no_example(page, own, faults)


def by_list(page, own, pictures, faults):
    """A list is dropped, checked, and its run started."""
    page.goto(f"{own.base}/w/default/runs/new")
    page.get_by_label("Event").fill("By List")
    page.locator("select[name=template]").select_option(label="Winter Gala")
    page.locator("input[name=guests]").set_input_files(ROOT / "examples/guests.csv")
    page.get_by_role("button", name="Check the list").click()
    page.wait_for_url("**/runs/checks/**")
    samples = page.locator(".pictures img")
    faults.check(samples.count() == 5, f"a check draws {samples.count()} guests, not five")
    # No link leads to a check, so it is looked at here.
    looks.axe_finds(page, "/w/default/runs/checks/{id}", "light", faults)
    if pictures:
        page.screenshot(path=pictures / "w-default-runs-checks-id-light.png", full_page=True)
    faults.check(page.locator("table").count() > 0, "a check names the columns of the list")
    page.get_by_role("button", name=re.compile("^Start with")).click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}"))
    own.settle(page.url.rsplit("/", 1)[1].split("?")[0])
    page.reload()
    faults.check("By List" in page.inner_text("h1"), "the run of a checked list is shown")
    faults.check(page.locator("img[loading=lazy]").count() > 0, "a run shows its guests' pictures")


def example(page, own, faults):
    """The example data is loaded, and its failed guests are mended by another picture and by a crop."""
    status, _ = own.call("POST", "/example-data")
    faults.check(status in (200, 201, 202), f"example data is loaded: {status}")
    _, runs = own.call("GET", "/invitation-runs?limit=100")
    for run in runs["items"]:
        own.settle(run["id"])
    _, found = own.call("GET", "/search?kind=runs&q=example")
    failed = [
        (run["id"], guest)
        for run in found["groups"][0]["items"]
        for guest in own.call("GET", f"/invitation-runs/{run['id']}/guests?state=failed&limit=100")[1]["items"]
    ]
    faults.check(len(failed) >= 2, f"the example data has failed guests, not {len(failed)}")
    kept = [(run, guest) for run, guest in failed if "no face" in (guest["reason"] or "")]
    faults.check(bool(kept), "one of them has a picture without a face")
    for run, guest in kept[:1]:
        crop(page, own, run, guest, faults)
    for run, guest in [one for one in failed if "broken.jpg" in (one[1]["reason"] or "")][:1]:
        replace(page, own, run, guest, faults)


def guest_page(page, own, run, guest):
    page.goto(f"{own.base}/w/default/runs/{run}/guests/{guest['invitation_id']}")


def mended(own, run, guest):
    own.settle(run)
    _, now = own.call("GET", f"/invitation-runs/{run}/guests/{guest['invitation_id']}")
    return now["state"]


def crop(page, own, run, guest, faults):
    """The square over the photograph is dragged by mouse and moved by keys."""
    guest_page(page, own, run, guest)
    part = page.locator("#part-box")
    expect(part).to_be_visible()
    side = page.get_by_label("Size, %")
    side.fill("40")
    before = page.get_by_label("From the left, %").input_value()
    box = part.bounding_box()
    page.mouse.move(box["x"] + 12, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + 42, box["y"] + 22, steps=4)
    page.mouse.up()
    dragged = page.get_by_label("From the left, %").input_value()
    faults.check(dragged != before, f"dragging the square moves it from {before} %")
    part.focus()
    page.keyboard.press("ArrowLeft")
    faults.check(page.get_by_label("From the left, %").input_value() != dragged, "an arrow key moves the square")
    page.get_by_role("button", name="Use this part").click()
    page.wait_for_load_state()
    state = mended(own, run, guest)
    faults.check(state == "made", f"a guest whose part of the picture was chosen is {state}")


def replace(page, own, run, guest, faults):
    """Another picture is uploaded."""
    guest_page(page, own, run, guest)
    page.locator("input[name=picture]").set_input_files(ROOT / "examples/pictures/amelie.jpg")
    page.get_by_role("button", name="Use this picture").click()
    page.wait_for_load_state()
    state = mended(own, run, guest)
    faults.check(state == "made", f"a guest with another picture is {state}")


def search(page, own, faults):
    """The key / leads to the search, which finds a run and a page."""
    page.goto(f"{own.base}/w/default")
    page.keyboard.press("/")
    faults.check(page.evaluate("document.activeElement.name") == "q", "the key / leads to the search")
    page.keyboard.type("By List")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?**")
    faults.check("By List" in page.inner_text("main"), "the search finds a run by its event")


def edit(page, own, faults):
    """A slot is moved by keys and by mouse, which writes into the text; a problem leads to its line; a version is saved."""
    page.goto(f"{own.base}/w/default/templates")
    page.get_by_role("link", name="Winter Gala").first.click()
    page.wait_for_url(re.compile(r"/templates/[0-9a-f-]{36}"))
    page.get_by_role("link", name="Edit").first.click()
    page.wait_for_url("**/edit")
    text = page.locator("#f-manifest")
    before = text.input_value()
    box = page.locator("[data-slot] .box").first
    box.focus()
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/edit")):
        page.keyboard.press("Shift+ArrowDown")
    expect(text).not_to_have_value(before)
    by_key = text.input_value()
    faults.check(before.count("#") == by_key.count("#"), "moving a slot keeps the comments")
    place = page.locator("[data-slot] .box").first.bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] / 2 + 9, place["y"] + place["height"] / 2 + 9, steps=3)
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/edit")):
        page.mouse.up()
    expect(text).not_to_have_value(by_key)
    good = text.input_value()
    text.fill(good + "\nwrong = 1\n")
    page.locator("[data-line]").first.click()
    faults.check(page.evaluate("document.activeElement.id") == "f-manifest", "a problem leads to its line in the text")
    text.fill(good)
    expect(page.locator("[data-line]")).to_have_count(0)
    page.get_by_role("button", name="Save a new version").click()
    page.wait_for_load_state()
    faults.check("The version is saved." in page.inner_text("body"), "a version is saved")


def no_example(page, own, faults):
    """The example data goes, and what is one's own stays."""
    page.goto(f"{own.base}/w/default")
    page.get_by_text("Remove it…").click()
    page.get_by_role("button", name="Remove the example data").click()
    page.wait_for_load_state()
    _, found = own.call("GET", "/search?kind=runs&q=example")
    faults.check(not found["groups"], "the example data is gone")
    _, found = own.call("GET", "/search?kind=runs&q=By+List")
    faults.check(len(found["groups"]) == 1, "one's own run stays when the example data goes")
