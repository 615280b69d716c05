#!/usr/bin/env python3
"""Stands before the compiler (cargo's RUSTC_WRAPPER) and notes what each crate took: a line of JSON to $HERALD_BUILD_TIMES."""

import json
import os
import resource
import subprocess
import sys


def main() -> int:
    command = sys.argv[1:]
    # The compiler asks cargo, through descriptors that it inherits, how many threads it may have.
    code = subprocess.run(command, check=False, close_fds=False).returncode
    if "--crate-name" in command:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        name = command[command.index("--crate-name") + 1]
        line = {
            "crate": name,
            "test": "--test" in command,
            "seconds": used.ru_utime + used.ru_stime,
            "mebibytes": used.ru_maxrss // 1024,
        }
        # One write, which is short: lines of compilers at work beside each other do not mix.
        with open(os.environ["HERALD_BUILD_TIMES"], "a", encoding="utf-8") as times:
            times.write(json.dumps(line) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
