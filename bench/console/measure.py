"""What pages cost: the time of the server, requests and weight, and what axe finds in them."""

import gzip
import http.client
import statistics
import time
import urllib.parse

from axe_playwright_python.sync_playwright import Axe

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}


class Client:
    """One connection that stays open, as a browser's does, with the cookies of a session."""

    def __init__(self, base, cookies=""):
        self.base, self.cookies = base, cookies
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc, timeout=120)

    def get(self, path):
        headers = {"Cookie": self.cookies, "Accept": "text/html, application/json", "Accept-Encoding": "gzip"}
        begun = time.perf_counter()
        self.connection.request("GET", path, headers=headers)
        answer = self.connection.getresponse()
        body = answer.read()
        taken = time.perf_counter() - begun
        if answer.status != 200:
            raise RuntimeError(f"{self.base}{path} answers {answer.status}: {body[:200]}")
        # A server that does not compress is counted as if a proxy before it did.
        weight = len(body) if answer.headers.get("content-encoding") else len(gzip.compress(body))
        return taken * 1000, weight


def timed(client, path, times, most=60):
    """Median and 95th percentile in milliseconds, of so many times, or as many as fit into some seconds."""
    for _ in range(3):
        _, weight = client.get(path)
    found, begun = [], time.monotonic()
    while len(found) < times and (time.monotonic() - begun < most or len(found) < 20):
        found.append(client.get(path)[0])
    cuts = statistics.quantiles(found, n=20)
    return {"median": statistics.median(found), "p95": cuts[18], "weight": weight}


def opened(browser, state, address):
    """A page as a browser opens it for the first time: requests, bytes over the wire, and violations. And the requests
    of a later visit, when the browser has in its cache what it may keep."""
    context = browser.new_context(storage_state=state, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    loaded = []
    page.on("requestfinished", lambda request: loaded.append(request))
    page.goto(address, wait_until="load", timeout=120_000)
    page.wait_for_timeout(1000)
    weight = sum(request.sizes()["responseBodySize"] for request in loaded)
    requests = len(loaded)
    violations = [found["id"] for found in Axe().run(page, options=RULES).response["violations"]]
    later = opened_later(context, page, address)
    context.close()
    return {"requests": requests, "later": len(later), "kilobytes": weight / 1000, "violations": violations}


def opened_later(context, page, address):
    """The addresses that a browser asks the server for when it opens a page that it has opened before."""
    # Not from the page itself: its own address would be loaded anew, past the cache.
    page.goto("about:blank")
    sent, kept = {}, set()
    session = context.new_cdp_session(page)
    session.on("Network.requestWillBeSent", lambda event: sent.setdefault(event["requestId"], event["request"]["url"]))
    session.on("Network.requestServedFromCache", lambda event: kept.add(event["requestId"]))
    session.on("Network.responseReceived", lambda event: kept.add(event["requestId"]) if event["response"]["fromDiskCache"] else None)
    session.send("Network.enable")
    page.goto(address, wait_until="load", timeout=120_000)
    page.wait_for_timeout(1000)
    return [url for request, url in sent.items() if request not in kept and url.startswith("http")]
