#!/usr/bin/env python3
"""Weakens one memory ordering of the ring at a time and checks that ThreadSanitizer notices.

Usage: ring_mutations_test.py CXX PROJECT

CXX is the compiler. Were the stress program blind to a missing release or acquire, its silence
would prove nothing about the ring as it is. Exits 0; 1 when a weakened ring passes or the ring as
it is does not; 77 where programs with ThreadSanitizer do not run.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

FRAMES = "20000"
REDUCERS = "2"
# Function of ring.cpp, and the ordering in it that is taken away.
ORDERINGS = [
    ("advance_captured", "release"),
    ("advance_reduced", "release"),
    ("advance_written", "release"),
    ("captured", "acquire"),
    ("reduced_by", "acquire"),
    ("written", "acquire"),
]
RACE = "WARNING: ThreadSanitizer: data race"
TSAN_EXIT = 66


def weakened(source, function, ordering):
    """ring.cpp with that one ordering relaxed."""
    bodies = re.findall(rf"^[^\n]*\bRing::{function}\(.*?^}}$", source, re.DOTALL | re.MULTILINE)
    if len(bodies) != 1 or bodies[0].count(f"memory_order_{ordering}") != 1:
        sys.exit(f"Ring::{function} with one {ordering} is not in ring.cpp: the list here is stale")
    body = bodies[0].replace(f"memory_order_{ordering}", "memory_order_relaxed")
    changed = source.replace(bodies[0], body)
    assert changed != source
    return changed


class Builder:
    def __init__(self, compiler, project, folder):
        self.command = [compiler, "-std=c++23", "-O1", "-g1", "-fsanitize=thread", "-pthread",
                        f"-I{project}", f"-I{project}/daemon"]
        self.folder = folder
        others = [project / "daemon/core/wakeup.cpp", project / "daemon/core/result.cpp",
                  project / "daemon/core/file_system.cpp", project / "daemon/core/crc32c.cpp",
                  *(project / f"daemon/pipeline/ring_{part}.cpp"
                    for part in ("layout", "memory", "recipe")),
                  project / "tests/stress/ring_stress.cpp"]
        self.objects = [self.compile(source, source.stem) for source in others]

    def compile(self, source, name):
        target = self.folder / f"{name}.o"
        subprocess.run([*self.command, "-c", source, "-o", target], check=True)
        return target

    def program(self, ring_source, name):
        """The stress program with this ring.cpp."""
        source = self.folder / f"{name}.cpp"
        source.write_text(ring_source, encoding="utf-8")
        program = self.folder / name
        subprocess.run([*self.command, self.compile(source, name), *self.objects, "-lfmt", "-o",
                        program],
                       check=True)
        return program


def prefix():
    """TSan of g++ 12 wants a fixed address space; containers may forbid asking for one."""
    fixed = ["setarch", "-R"]
    allowed = subprocess.run([*fixed, "true"], capture_output=True, check=False).returncode == 0
    return fixed if allowed else []


def run(program):
    return subprocess.run([*prefix(), program, FRAMES, REDUCERS, "poll"], capture_output=True,
                          text=True, check=False, timeout=120,
                          env={"TSAN_OPTIONS": f"halt_on_error=1 exitcode={TSAN_EXIT}"})


def main(arguments):
    compiler, project = arguments[0], pathlib.Path(arguments[1])
    source = (project / "daemon/pipeline/ring.cpp").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        builder = Builder(compiler, project, pathlib.Path(folder))
        untouched = run(builder.program(source, "as_it_is"))
        if "FATAL: ThreadSanitizer" in untouched.stderr:
            print(untouched.stderr)
            return 77
        failures = []
        if untouched.returncode != 0:
            failures.append(f"the ring as it is: {untouched.stderr}")
        for function, ordering in ORDERINGS:
            result = run(builder.program(weakened(source, function, ordering), function))
            caught = result.returncode == TSAN_EXIT and RACE in result.stderr
            print(f"Ring::{function} without its {ordering}: {'caught' if caught else 'NOT CAUGHT'}")
            if not caught:
                failures.append(f"{function}: exit {result.returncode}\n{result.stderr}")
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
