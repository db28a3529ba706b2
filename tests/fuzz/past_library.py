#!/usr/bin/env python3
"""Runs a fuzzer past the deaths that are a library's own.

HDF5 reads damaged files at its peril: it follows wild addresses in them, and asks for the memory that they
say. Such a death is told and counted, and the fuzzer goes on with the next seed. All else that ends it is a
fault of ours: a stack whose innermost function is not the library's, or memory of ours that it was given
too little of.

Usage: past_library.py LIBRARY FUZZER -seed=N [-runs=N | -max_total_time=S] [OPTION...] [CORPUS...]
"""

import collections
import re
import subprocess
import sys
import time

# Stacks begin in what stands before a library's call: the sanitizer, the fuzzer, the C library.
FRAME = re.compile(r"^ +#(\d+) 0x[0-9a-f]+ +(?:in (\S.*) )?\((\S+)\+0x([0-9a-f]+)\)")
C_LIBRARY = re.compile(r"/(libc|libpthread|libm|libgcc_s|libstdc\+\+)[.-]")
RUNTIME = re.compile(r"asan|lsan|sanitizer|ubsan|interceptor|fuzzer::|^(mem|str)[a-z]+$|^(m|c|re)alloc$|^free$|^operator (new|delete)")
# What a mistake of ours may cause in the library's functions, too: it was given memory that is not enough.
OF_MEMORY = re.compile(r"ERROR: AddressSanitizer: (?!SEGV|out of memory|allocation-size-too-big|requested allocation size)")


def stacks(report):
    """Lists of (module, offset), the innermost first, of all stacks in a report."""
    found = []
    for line in report.splitlines():
        frame = FRAME.match(line)
        if not frame:
            continue
        if frame[1] == "0":
            found.append([])
        if found:
            found[-1].append((frame[3], frame[4]))
    return found


def function(module, offset):
    # Of a call the place behind it is known.
    return subprocess.run(["addr2line", "-Cfe", module, hex(int(offset, 16) - 1)], capture_output=True,
                          text=True).stdout.partition("\n")[0]


def culprit(stack):
    """The innermost function's module, of those that are not the sanitizer's nor the C library's."""
    for module, offset in stack:
        if not C_LIBRARY.search(module) and not RUNTIME.search(function(module, offset)):
            return module
    return ""


def is_of_library(report, library):
    found = stacks(report)
    if OF_MEMORY.search(report) is None:
        found = found[:1]  # Where it ended; otherwise whose memory it was, as well.
    return bool(found) and all(f"/{library}" in culprit(stack) for stack in found)


def option(arguments, name):
    return next((int(a.partition("=")[2]) for a in arguments if a.startswith(f"-{name}=")), 0)


def main(library, fuzzer, *arguments):
    seed, runs, seconds = (option(arguments, name) for name in ("seed", "runs", "max_total_time"))
    others = [a for a in arguments if not a.startswith(("-seed=", "-runs=", "-max_total_time="))]
    end = time.monotonic() + seconds
    deaths = collections.Counter()
    while True:
        limit = f"-runs={runs}" if runs else f"-max_total_time={max(1, round(end - time.monotonic()))}"
        ran = subprocess.run([fuzzer, f"-seed={seed}", limit, *others], stderr=subprocess.PIPE, text=True,
                             errors="replace")
        if ran.returncode == 0 or not is_of_library(ran.stderr, library):
            break
        deaths[re.search(r"SUMMARY: (.*?)(?: \(|$)", ran.stderr, re.M)[1]] += 1
        executed = re.search(r"number_of_executed_units: (\d+)", ran.stderr)
        runs -= min(runs, int(executed[1]) if executed else 1)
        seed += seed > 0
        if not runs and time.monotonic() >= end:
            ran.returncode = 0
            break
    if ran.returncode != 0:
        sys.stderr.write(ran.stderr)
    for death, count in deaths.items():
        print(f"in {library}: {count} x {death}")
    print(re.sub(r"(?s).*(?=stat::number_of_executed_units)", "", ran.stderr) if ran.returncode == 0 else
          f"status {ran.returncode}")
    return ran.returncode


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
