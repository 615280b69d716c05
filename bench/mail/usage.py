"""What processes use, as Linux counts it: seconds of CPU, and the most memory of each."""

import contextlib
import os
import threading

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """The fields of /proc/<pid>/stat after the name, which may hold blanks."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(") ")[2].split()


def parent_of(pid):
    return int(stat(pid)[1])


def with_children(root):
    """A process and all that descend from it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(name)] = parent_of(name)
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


class Watch:
    """Looks at processes from time to time while something is measured. What one uses after the last look is lost."""

    def __init__(self, **roots):
        self.roots, self.before, self.cpu, self.peak = roots, {}, {}, {}
        self.ended = threading.Event()
        self.look(self.before)
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.look(self.cpu)

    def watch(self):
        while not self.ended.wait(0.2):
            self.look(self.cpu)

    def look(self, cpu):
        for name, root in self.roots.items():
            for pid in with_children(root):
                with contextlib.suppress(OSError, ValueError, IndexError):
                    cpu[name, pid] = sum(map(int, stat(pid)[11:13])) / TICK
                    with open(f"/proc/{pid}/status") as file:
                        peak = next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0)
                    self.peak[name] = max(self.peak.get(name, 0), peak / 1024)

    def seconds(self):
        """CPU of each of them, since the watch began."""
        used = dict.fromkeys(self.roots, 0.0)
        for (name, pid), seconds in self.cpu.items():
            used[name] += seconds - self.before.get((name, pid), 0.0)
        return used
