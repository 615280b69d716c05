"""Planning: how long the messages of a large segment take to be written down, and how long others wait meanwhile."""

import time

from herald import FEW, Herald
from sink import Sink
from usage import Watch

SEGMENT = {"field": {"name": "country", "is": "equal", "value": "ES"}}
# Small campaigns that are sent one after the other without anything beside them.
ALONE = 3


def measure(asked, folder, engine_of, settings, say, table):
    found = {}
    with Sink(asked.bench) as sink:
        for name in asked.engines:
            engine = engine_of(name, folder)
            with engine.database("herald") as database:
                herald = Herald(asked.herald, engine.folder, database, sink.port, asked.connections, settings)
                with herald.running():
                    say(f"{name}: taking {asked.plan:,} contacts in")
                    herald.take_in(asked.plan)
                sink.start(0, asked.pipelining)
                # In a process that has taken nothing in, for its memory.
                with herald.running():
                    found[name] = of_engine(herald, engine)
            say(f"{name}: {found[name]}")
    head = ["planning", "recipients", "s", "aim", "CPU s", "database's", "MiB before", "MiB after", f"{FEW} mails alone, s", "meanwhile, the slowest, s"]
    rows = []
    for name, one in found.items():
        aim = f"30: {'reached' if one['seconds'] < 30 * asked.plan / 1_000_000 else 'missed'}"
        server = "" if one["server"] is None else f"{one['server']:.1f}"
        rows.append([name, f"{asked.plan:,}", f"{one['seconds']:.1f}", aim, f"{one['cpu']:.1f}", server, f"{one['before']:.0f}", f"{one['after']:.0f}", f"{one['alone']:.2f}", f"{max(one['meanwhile']):.2f}"])
    return found, table(head, rows)


def of_engine(herald, engine):
    small, sender = {"tags": ["few"]}, herald.sender("Small")
    alone = [herald.send(herald.approved(f"Alone {number}", sender, small), 0.02) for number in range(ALONE)]
    segment = herald.call("POST", "/segments", {"name": "Spain", "rule": SEGMENT})["id"]
    # Its messages are planned and wait: the sender may send one a day.
    large = herald.approved("Large", herald.sender("Large", daily_cap=1), {"segments": [segment]})
    others = [herald.approved(f"Meanwhile {number}", sender, small) for number in range(100)]
    with Watch(herald=herald.pid, **engine.processes()) as watch:
        before = watch.peak["herald"]
        begun, meanwhile = time.monotonic(), []
        herald.begin(large)
        while not is_planned(herald, large):
            if others:
                meanwhile.append(herald.send(others.pop(), 0.02))
        seconds = time.monotonic() - begun
    used = watch.seconds()
    return {
        "seconds": seconds, "cpu": used["herald"], "server": used.get("database"), "before": before, "after": watch.peak["herald"],
        "alone": sorted(alone)[len(alone) // 2], "meanwhile": meanwhile,
    }


def is_planned(herald, campaign):
    return herald.call("GET", f"/campaigns/{campaign}")["planned_at"] is not None
