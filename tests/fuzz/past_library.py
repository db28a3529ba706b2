#!/usr/bin/env python3
"""Lets a fuzzer run for a time, past the deaths that are a library's own.

HDF5 reads damaged files at its peril: it follows wild addresses in them, and asks for the memory that they
say. Such a death is told and counted, and the fuzzer goes on with the next seed. It is one where the
innermost function of the stack, and of the one that asked for the memory in question, is the library's. What
is slow or takes too much memory in all is no such death, nor is one before any new input was tried. (Memory
of ours that a library overwrites may still be taken for the library's fault: what it stores by itself no
sanitizer sees.)

Usage: past_library.py LIBRARY FUZZER -seed=N -max_total_time=S [OPTION...] FOLDER...
"""

import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

FRAME = re.compile(r"^ +#(\d+) 0x[0-9a-f]+ +(?:in (\S.*) )?\((\S+)\+0x([0-9a-f]+)\)")
# Stacks begin in what stands before a library's call: the sanitizer, the fuzzer, the C library.
C_LIBRARY = re.compile(r"/(libc|libpthread|libm|libgcc_s|libstdc\+\+)[.-]")
RUNTIME = re.compile(r"asan|lsan|sanitizer|ubsan|interceptor|fuzzer::|^(mem|str)[a-z]+$|^(m|c|re)alloc$|^free$|"
                     r"^operator (new|delete)")
# What has one stack that counts, and what also tells whose memory it was.
WILD = re.compile(r"ERROR: AddressSanitizer: (SEGV|BUS|FPE|out of memory|allocation-size-too-big|"
                  r"requested allocation size)|ERROR: libFuzzer: out-of-memory \(malloc")
OF_HEAP = re.compile(r"ERROR: AddressSanitizer: (heap-|attempting)")


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
    if WILD.search(report):
        found = found[:1]
    elif not OF_HEAP.search(report):
        return False
    return bool(found) and all(f"/{library}" in culprit(stack) for stack in found)


def number(pattern, text):
    found = re.search(pattern, text, re.M)
    return int(found[1]) if found else 0


def summary(report):
    found = re.search(r"^SUMMARY: ([^(\n]*)", report, re.M)
    return found[1].strip() if found else "without a summary"


def known_inputs(arguments):
    return sum(len(list(pathlib.Path(a).iterdir())) for a in arguments if not a.startswith("-"))


def remove_files_of(pid):
    for parent in ("/dev/shm", tempfile.gettempdir()):
        for left in pathlib.Path(parent).glob(f"framelog-fuzz-{pid}-*"):
            shutil.rmtree(left, ignore_errors=True)


def main(library, fuzzer, *arguments):
    seconds = number(r"^-max_total_time=(\d+)$", "\n".join(arguments))
    seed = number(r"^-seed=(\d+)$", "\n".join(arguments))
    others = [a for a in arguments if not a.startswith(("-seed=", "-max_total_time="))]
    end = time.monotonic() + seconds
    deaths = collections.Counter()
    tried = 0
    status = 0
    while time.monotonic() < end:
        inputs = known_inputs(others)
        left = max(1, round(end - time.monotonic()))
        with subprocess.Popen([fuzzer, f"-seed={seed}", f"-max_total_time={left}", *others],
                              stderr=subprocess.PIPE, text=True, errors="replace") as running:
            report = running.communicate()[1]
        remove_files_of(running.pid)
        executed = number(r"^stat::number_of_executed_units: +(\d+)", report)
        tried += executed
        if running.returncode == 0:
            break
        if executed <= inputs or not is_of_library(report, library):
            sys.stderr.write(report)
            status = 1
            break
        deaths[summary(report)] += 1
        seed += seed > 0
    for death, count in deaths.items():
        print(f"in {library}: {count} x {death}")
    print(f"{tried} inputs")
    return status


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
