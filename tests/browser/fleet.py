"""A fleet: the API, a worker and a scheduler as processes of their own."""

import time

from playwright.sync_api import expect

import states


def quiet_and_back(page, own, pictures, faults):
    """A worker is made quiet, takes no job while it is, and takes it once it is resumed."""
    page.goto(f"{own.base}/w/default/workers")
    row = page.locator("#workers tbody tr")
    expect(row).to_have_count(1, timeout=20_000)
    name = row.locator("th").inner_text()
    state = row.locator(".state")
    expect(state).to_have_text("Active")
    row.get_by_role("button", name="Make quiet").click()
    expect(page.get_by_role("status")).to_have_text(f"{name} finishes its jobs, and takes no more.")
    expect(state).to_have_text("Quiet", timeout=20_000)
    _, batch = own.call("POST", "/probes", {"jobs": 1, "name": "while it is quiet"})
    page.wait_for_timeout(1500)
    faults.check(succeeded(own, batch) == 0, "a quiet worker takes a job")
    states.show(page, own.base, "/w/default/workers", "quiet", pictures, faults, 200)
    row.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status")).to_have_text(f"{name} takes jobs again.")
    expect(state).to_have_text("Active", timeout=20_000)
    deadline = time.monotonic() + 30
    while succeeded(own, batch) == 0 and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    faults.check(succeeded(own, batch) == 1, "a worker that was resumed takes the job that waited")
    states.show(page, own.base, "/w/default/workers", "active", pictures, faults, 200)


def succeeded(own, batch):
    return own.call("GET", f"/batches/{batch['id']}")[1]["succeeded"]
