#!/usr/bin/env python3
"""What the building of Herald costs: CPU seconds of the compilers, by crate, in a copy of the tree and a target folder of its own.

CPU seconds are user and system time of cargo and everything it started, C compilers included. They say more than the wall clock, which
depends on what else the machine does; it is shown beside them.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import time
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# A line is added to this file of a domain, and to that one of the ledger.
OF_A_DOMAIN = "shared/invitations/src/number.rs"
OF_THE_LEDGER = "shared/ledger/src/enqueue.rs"

AIMS = {
    "first command from nothing": "≤ 900 s",
    "test programs from nothing": "≤ 1,000 s",
    "a line of a domain, to its unit tests": "≤ 20 s",
    "a line of the ledger, to the integration tests": "≤ 90 s",
    "size of the program": "≤ 60 MB",
}


def copy_tree(to: Path) -> None:
    """The files that git knows, as they are now."""
    shutil.rmtree(to, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = ROOT / name
        if source.is_file():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


class Builder:
    """Runs cargo in the copy and tells what it took."""

    def __init__(self, scratch: Path) -> None:
        self.tree = scratch / "tree"
        self.target = scratch / "target"
        self.times = scratch / "times.jsonl"
        copy_tree(self.tree)
        shutil.rmtree(self.target, ignore_errors=True)

    def cargo(self, *arguments: str) -> dict:
        self.times.unlink(missing_ok=True)
        environment = os.environ | {
            "CARGO_TARGET_DIR": str(self.target),
            "CARGO_INCREMENTAL": "1" if "--release" not in arguments else "0",
            "HERALD_BUILD_TIMES": str(self.times),
            "RUSTC_WRAPPER": str(HERE / "rustc.py"),
        }
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(["cargo", *arguments, "--locked", "--quiet"], cwd=self.tree, env=environment, check=True)
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
        crates: dict[str, float] = defaultdict(float)
        if self.times.exists():
            for line in self.times.read_text().splitlines():
                one = json.loads(line)
                crates[one["crate"] + (" (tests)" if one["test"] else "")] += one["seconds"]
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"cpu": cpu, "wall": wall, "crates": dict(crates)}

    def after(self, name: str, *chosen: str) -> dict:
        """What the chosen tests take to be built when a line that means nothing, but is code, came into a file."""
        # Chosen alone, crates may be built with other features than all together: not what is asked for here.
        self.cargo("test", *chosen, "--no-run")
        with (self.tree / name).open("a", encoding="utf-8") as file:
            file.write("\nconst _: () = ();\n")
        return self.cargo("test", *chosen, "--no-run")


def table(rows: dict[str, dict], size: int) -> list[str]:
    lines = ["| What | CPU s | wall s | aim |", "|---|--:|--:|--:|"]
    for what, took in rows.items():
        lines.append(f"| {what} | {took['cpu']:.0f} | {took['wall']:.0f} | {AIMS[what]} |")
    lines.append(f"| size of the program | {size / 1e6:.0f} MB | | {AIMS['size of the program']} |")
    return lines


def by_crate(what: str, took: dict, most: int) -> list[str]:
    crates = sorted(took["crates"].items(), key=lambda item: -item[1])
    named = sum(took["crates"].values())
    lines = [f"{what}: the {most} crates that took most", "", "| Crate | CPU s |", "|---|--:|"]
    lines += [f"| {name} | {seconds:.0f} |" for name, seconds in crates[:most]]
    lines.append(f"| {len(crates) - most if len(crates) > most else 0} others | {sum(s for _, s in crates[most:]):.0f} |")
    lines.append(f"| C compilers, build scripts and cargo | {max(0, took['cpu'] - named):.0f} |")
    return lines


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("scratch", type=Path)
    arguments.add_argument("--results", type=Path, required=True)
    arguments.add_argument("--only", choices=["first", "tests"], help="one part alone")
    given = arguments.parse_args()
    builder = Builder(given.scratch)
    rows, pages, size = {}, [], 0
    if given.only != "tests":
        first = builder.cargo("build", "--release")
        size = (builder.target / "release" / "herald").stat().st_size
        rows["first command from nothing"] = first
        pages.append(by_crate("First command", first, 25))
    if given.only != "first":
        tests = builder.cargo("test", "--workspace", "--no-run")
        rows["test programs from nothing"] = tests
        pages.append(by_crate("Test programs", tests, 25))
        rows["a line of a domain, to its unit tests"] = builder.after(OF_A_DOMAIN, "-p", "herald-invitations", "--lib")
        ledger = builder.after(OF_THE_LEDGER, "-p", "herald-tests", "--test", "it")
        rows["a line of the ledger, to the integration tests"] = ledger
        pages.append(by_crate("A line of the ledger", ledger, 12))
    text = "\n".join(table(rows, size)) + "\n\n" + "\n\n".join("\n".join(page) for page in pages) + "\n"
    (given.results / "build.md").write_text(text, encoding="utf-8")
    (given.results / "build.json").write_text(json.dumps({"rows": rows, "size": size}, indent=1), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
