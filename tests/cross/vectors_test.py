"""The vector kernels are vectors: what the compiler made of them for ARM is disassembled, and in the
loops that walk over the pixels there is nothing that handles a pixel by itself.

Usage: vectors_test.py [--built BUILD_DIRECTORY] [--mutants] ARCHITECTURE...
Without a build directory the kernels are compiled here, as CMake has them compiled. With mutants they
are compiled once more without vectors, and each of them has to be found.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SKIPPED = 77
ROOT = pathlib.Path(__file__).resolve().parents[2]
REDUCTIONS = "daemon/reduce/kernels_baseline.cpp"
PLANES = "daemon/formats/bit_planes_baseline.cpp"
UNPACKING = "daemon/formats/packed_pixels.cpp"
KERNELS = [REDUCTIONS, PLANES, UNPACKING]
FLAGS = ["-std=c++23", "-O3", "-DNDEBUG", "-fPIC", "-ffp-contract=off", "-w", "-I.", "-Idaemon"]

FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S+)\s*(.*)$")
BRANCH = re.compile(r"^(b|cbn?z|tbn?z|b\.?(eq|ne|cc|cs|hi|ls|lt|gt|le|ge|lo|hs|mi|pl))(\.[nw])?$")


def inner_loops(body):
    """The instructions of every loop without another in it: from where a branch leads back to."""
    places = {address: number for number, (address, _) in enumerate(body)}
    loops = set()
    for number, (address, text) in enumerate(body):
        target = re.search(r"\b([0-9a-f]+) <", text)
        if target and BRANCH.match(text.split()[0]):
            start = int(target[1], 16)
            if start <= address and start in places:
                loops.add((places[start], number))
    return [[text for _, text in body[start:end + 1]] for start, end in sorted(loops)
            if not any((start, end) != other and start <= other[0] and other[1] <= end
                       for other in loops)]


class Arm64:
    name, triplet, flags = "arm64", "aarch64-linux-gnu", []
    without_vectors = ["-march=armv8-a+nosimd", "-U__aarch64__"]
    prefetch = r"^prfm"
    vector = r"\bv\d+\.\d*[bhsd]\b"
    # A pixel loaded, taken out of a vector or put in, or worked on by itself; and calls.
    lone = (r"^(ldu?rs?[bh]|bl|umov|smov) |^(mul|umull|umulh|sdiv|udiv) [wx]|^f(add|sub|mul|div|cvt|cmpe?) [sd]\d"
            r"|^(mov|ins|fmov) .*\bv\d+\.[bhsd]\[\d+\], [wx]|^fmov [wx]\d+, [sd]|^fmov [sd]\d+, [wx]")
    # Pixels that become sums of 64 bits, whose squares no instruction of vectors knows.
    squares_of_64_bits = r"^(umulh|adcs?) "
    rearranged, looked_up, plane_loops = r"^(uzp|zip)[12] ", r"^tbl ", staticmethod(inner_loops)
    finished_bins = 10  # Loops at least, of each kernel.
    kernels = ["observe_integers<unsigned (char|short|int)>", "observe_floats", "bin_floats<0",
               "bin_floats<1", "bin_floats<2", "bin_floats<4", "add_integers<unsigned (char|short|int)>",
               "count_saturated<unsigned (char|short|int)>",
               "sum_areas<(unsigned char|unsigned short|unsigned int|float)>",
               "sum_columns<unsigned (char|short|int), (true|false),",
               "bin_integers<unsigned (char|short|int), unsigned (char|short|int|long), (true|false),"]


class Armhf:
    name, triplet, flags = "armhf", "arm-linux-gnueabihf", ["-mfpu=neon"]
    without_vectors = ["-mfpu=vfpv3-d16", "-U__arm__"]
    prefetch = r"^pld"
    vector = r"\bq\d+\b"  # In the registers d there are single doubles, too.
    lone = r"^(ldrs?[bh](\.w)?|blx?|umull) |^vmov\.\d+ d\d+\[\d\], r"
    squares_of_64_bits = r"^umull "
    rearranged, looked_up = r"^(vuzp|vzip)\.", r"^vtbl\."
    finished_bins = 5
    # It has no vectors of doubles, which the float kernels are made of, and few of 64-bit integers.
    kernels = ["observe_integers<unsigned (char|short|int)>", "add_integers<unsigned (char|short|int)>",
               "count_saturated<unsigned (char|short|int)>", "sum_areas<unsigned (char|short)>",
               "sum_columns<unsigned (char|short|int), (true|false),",
               "bin_integers<unsigned (char|short|int), unsigned (char|short|int|long long), (true|false),"]

    @staticmethod
    def plane_loops(body):
        """It has too few registers for loops without others in them."""
        return [[text for _, text in body if not text.startswith("bl")]]


MACHINES = {machine.name: machine for machine in (Arm64, Armhf)}


def functions(listing):
    """{name: [(address, instruction)]}; of one name several, joined."""
    found, body = {}, []
    for line in listing.splitlines():
        if match := FUNCTION.match(line):
            name = re.sub(r"framelog::|baseline::|bit_planes::|\(anonymous namespace\)::", "", match[1])
            body = found.setdefault(name, [])
        elif match := INSTRUCTION.match(line):
            body.append((int(match[1], 16), f"{match[2]} {match[3]}"))
    return found


def has(pattern, loop):
    return any(re.search(pattern, text) for text in loop)


def faults_of(machine, name, loops, allowed=r"(?!)"):
    """What is no vector in the loops, a line each."""
    faults = []
    for loop in loops:
        lone = [text for text in loop
                if re.search(machine.lone, text) and not re.search(allowed, text)]
        if not has(machine.vector, loop):
            faults.append(f"{name}: no vectors in {loop}")
        elif lone:
            faults.append(f"{name} handles pixels one by one, {lone} in {loop}")
    return faults


# Each of the following returns {what was looked at: its faults}.


def reductions(machine, found):
    """The loops that say ahead which memory they come to: those written as vectors."""
    faults = {}
    for kernel in machine.kernels:
        # The description of a piece of a detector is no pixel.
        allowed = r"^ldu?rh|^fmov (d\d+, x|x\d+, d)" if "areas" in kernel else r"(?!)"
        names = [name for name in found if re.search(rf"\b{kernel}", name)]
        if not names:
            faults[kernel] = ["there is none"]
        for name in names:
            walks = [loop for loop in inner_loops(found[name])
                     if has(machine.prefetch, loop) and len(loop) > 6
                     and not has(machine.squares_of_64_bits, loop)]
            faults[name] = faults_of(machine, name, walks, allowed) if walks else ["no loop of vectors"]
    return faults


def finished_bins(machine, found):
    """Sums and means of one, two and four neighbours, which the compiler makes vectors of by itself."""
    names = [name for name in found if re.search(r"\bfinish_row<", name)]
    faults = {} if names else {"finish_row": ["there is none"]}
    for name in names:
        vectors = [loop for loop in inner_loops(found[name]) if not faults_of(machine, name, [loop])]
        enough = len(vectors) >= machine.finished_bins
        faults[name] = [] if enough else [f"{name}: only {len(vectors)} loops of vectors"]
    return faults


def planes(machine, found):
    """Planes of bytes and bits. shuffle and unshuffle, of elements of 2, 4 and 8 bytes, are in the
    functions that choose.
    """
    faults = {}
    for pattern, count in ((r"\bsplit<[1248]u", 4), (r"\bjoin<[1248]u", 4), ("kKernels::", 6)):
        bodies = [body for name, body in found.items() if re.search(pattern, name)]
        loops = [loop for body in bodies for loop in machine.plane_loops(body)
                 if has(machine.rearranged, loop)]
        faults[pattern] = faults_of(machine, pattern, loops)
        if len(loops) < (count if machine is Arm64 else min(count, 2)):
            faults[pattern].append(f"{pattern}: only {len(loops)} loops of vectors")
    return faults


def unpacking(machine, found):
    loops = [loop for body in found.values() for loop in inner_loops(body)
             if has(machine.looked_up, loop)]
    return {"unpack": faults_of(machine, "unpack", loops) if loops else ["no loop of vectors"]}


class Vectors(unittest.TestCase):
    machine, listings = None, {}

    def check(self, look, source):
        for name, faults in look(self.machine, functions(self.listings[source])).items():
            with self.subTest(name=name[:120]):
                self.assertEqual(faults, [])

    def test_reductions(self):
        self.check(reductions, REDUCTIONS)

    def test_finished_bins(self):
        self.check(finished_bins, REDUCTIONS)

    def test_planes(self):
        self.check(planes, PLANES)

    def test_unpacking(self):
        self.check(unpacking, UNPACKING)


class Mutants(unittest.TestCase):
    """What is compiled without vectors is found, each kernel of it."""
    machine = None

    def check(self, look, source, flags):
        with tempfile.TemporaryDirectory(prefix="framelog-test-") as scratch:
            target = pathlib.Path(scratch, "mutant.o")
            compile_kernels(self.machine, source, flags, target)
            for name, faults in look(self.machine, functions(disassembled(self.machine, target))).items():
                with self.subTest(name=name[:120]):
                    self.assertNotEqual(faults, [])

    def test_reductions(self):
        self.check(reductions, REDUCTIONS, self.machine.without_vectors)

    def test_finished_bins(self):
        self.check(finished_bins, REDUCTIONS, [*self.machine.flags, "-fno-tree-vectorize"])

    def test_planes(self):
        self.check(planes, PLANES, self.machine.without_vectors)

    def test_unpacking(self):
        self.check(unpacking, UNPACKING, self.machine.without_vectors)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def sysroot_of(machine):
    sysroot = ROOT / "build/sysroots" / machine.name
    if shutil.which(f"{machine.triplet}-g++") is None:
        skip(f"there is no {machine.triplet}-g++ (toolchain/setup --cross)")
    if not (sysroot / "usr/include").is_dir():
        skip(f"there is no {sysroot} (toolchain/sysroot {machine.name})")
    return sysroot


def compile_kernels(machine, source, flags, target):
    subprocess.run([f"{machine.triplet}-g++", f"--sysroot={sysroot_of(machine)}", *FLAGS, *flags,
                    "-c", source, "-o", target], cwd=ROOT, check=True)


def compiled(machine, directory):
    """The kernels' objects, compiled here."""
    for source in KERNELS:
        target = pathlib.Path(directory, pathlib.Path(source).name + ".o")
        compile_kernels(machine, source, machine.flags if "baseline" in source else [], target)
        yield source, target


def built(directory):
    for source in KERNELS:
        folder, name = os.path.split(source)
        room = pathlib.Path(folder).name
        yield source, pathlib.Path(directory, folder, "CMakeFiles", f"framelog_{room}.dir", name + ".o")


def disassembled(machine, file):
    return subprocess.run([f"{machine.triplet}-objdump", "-d", "-C", "--no-show-raw-insn", file],
                          capture_output=True, text=True, check=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--built")
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("architectures", nargs="+", choices=MACHINES)
    arguments = parser.parse_args()
    suite = unittest.TestSuite()
    load = unittest.defaultTestLoader.loadTestsFromTestCase
    with tempfile.TemporaryDirectory(prefix="framelog-test-") as scratch:
        for name in arguments.architectures:
            machine = MACHINES[name]
            objects = built(arguments.built) if arguments.built else compiled(machine, scratch)
            listings = {source: disassembled(machine, file) for source, file in objects}
            suite.addTests(load(type(f"Vectors_{name}", (Vectors,),
                                     {"machine": machine, "listings": listings})))
            if arguments.mutants:
                suite.addTests(load(type(f"Mutants_{name}", (Mutants,), {"machine": machine})))
    sys.exit(0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1)


if __name__ == "__main__":
    main()
