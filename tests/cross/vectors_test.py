"""The vector kernels are vectors: what the compiler made of them for ARM is disassembled, and in the
loops that walk over the pixels there is nothing that handles a pixel by itself.

Usage: vectors_test.py [--built BUILD_DIRECTORY] ARCHITECTURE...
Without a build directory the kernels are compiled here, as CMake has them compiled.
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
KERNELS = ["daemon/reduce/kernels_baseline.cpp", "daemon/formats/bit_planes_baseline.cpp",
           "daemon/formats/packed_pixels.cpp"]
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
    prefetch = r"^prfm"
    vector = r"\bv\d+\.\d*[bhsd]\b"
    # A pixel loaded, taken out of a vector or put in, or worked on by itself; and calls.
    lone = (r"^(ldu?rs?[bh]|bl|umov|smov) |^(mul|umull|umulh|sdiv|udiv) [wx]|^f(add|sub|mul|div|cvt|cmpe?) [sd]\d"
            r"|^(mov|ins|fmov) .*\bv\d+\.[bhsd]\[\d+\], [wx]|^fmov [wx]\d+, [sd]|^fmov [sd]\d+, [wx]")
    # Pixels that become sums of 64 bits, whose squares no instruction of vectors knows.
    squares_of_64_bits = r"^(umulh|adcs?) "
    rearranged, looked_up, plane_loops = r"^(uzp|zip)[12] ", r"^tbl ", staticmethod(inner_loops)
    kernels = ["observe_integers<unsigned (char|short|int)>", "observe_floats", "bin_floats<0",
               "bin_floats<1", "bin_floats<2", "bin_floats<4", "add_integers<unsigned (char|short|int)>",
               "count_saturated<unsigned (char|short|int)>",
               "sum_areas<(unsigned char|unsigned short|unsigned int|float)>",
               "sum_columns<unsigned (char|short|int), (true|false),",
               "bin_integers<unsigned (char|short|int), unsigned (char|short|int|long), (true|false),"]


class Armhf:
    name, triplet, flags = "armhf", "arm-linux-gnueabihf", ["-mfpu=neon"]
    prefetch = r"^pld"
    vector = r"\b[qd]\d+\b"
    lone = r"^(ldrs?[bh](\.w)?|blx?|umull) |^vmov\.\d+ d\d+\[\d\], r"
    squares_of_64_bits = r"^umull "
    rearranged, looked_up = r"^(vuzp|vzip)\.", r"^vtbl\."
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


class Vectors(unittest.TestCase):
    machine, listings = None, {}

    def check_loops(self, name, loops, allowed=r"(?!)"):
        """Returns how many of the loops are of vectors."""
        for loop in loops:
            self.assertTrue(has(self.machine.vector, loop), f"{name}: {loop}")
            lone = [text for text in loop
                    if re.search(self.machine.lone, text) and not re.search(allowed, text)]
            self.assertEqual(lone, [], f"{name} handles pixels one by one in {loop}")
        return len(loops)

    def test_reductions(self):
        found = functions(self.listings[KERNELS[0]])
        for kernel in self.machine.kernels:
            # The description of a piece of a detector is no pixel.
            allowed = r"^ldu?rh|^fmov (d\d+, x|x\d+, d)" if "areas" in kernel else r"(?!)"
            names = [name for name in found if re.search(rf"\b{kernel}", name)]
            self.assertTrue(names, f"there is no {kernel}")
            for name in names:
                with self.subTest(name=name[:120]):
                    walks = [loop for loop in inner_loops(found[name])
                             if has(self.machine.prefetch, loop) and len(loop) > 6
                             and not has(self.machine.squares_of_64_bits, loop)]
                    self.assertGreater(self.check_loops(name, walks, allowed), 0, "no loop of vectors")

    def test_planes_of_bytes_and_bits(self):
        found = functions(self.listings[KERNELS[1]])
        # shuffle and unshuffle, of elements of 2, 4 and 8 bytes, are in the functions that choose.
        for pattern, count in ((r"\bsplit<[1248]u", 4), (r"\bjoin<[1248]u", 4), ("kKernels::", 6)):
            bodies = [body for name, body in found.items() if re.search(pattern, name)]
            loops = [loop for body in bodies for loop in self.machine.plane_loops(body)
                     if has(self.machine.rearranged, loop)]
            self.assertGreaterEqual(self.check_loops(pattern, loops),
                                    count if self.machine is Arm64 else min(count, 2))

    def test_unpacking(self):
        loops = [loop for body in functions(self.listings[KERNELS[2]]).values()
                 for loop in inner_loops(body) if has(self.machine.looked_up, loop)]
        self.assertGreater(self.check_loops("unpack", loops), 0)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def compiled(machine, directory):
    """The kernels' objects, compiled here."""
    compiler = f"{machine.triplet}-g++"
    sysroot = ROOT / "build/sysroots" / machine.name
    if shutil.which(compiler) is None:
        skip(f"there is no {compiler} (toolchain/setup --cross)")
    if not (sysroot / "usr/include").is_dir():
        skip(f"there is no {sysroot} (toolchain/sysroot {machine.name})")
    for source in KERNELS:
        target = pathlib.Path(directory, pathlib.Path(source).name + ".o")
        neon = machine.flags if "baseline" in source else []
        subprocess.run([compiler, f"--sysroot={sysroot}", *FLAGS, *neon, "-c", source, "-o", target],
                       cwd=ROOT, check=True)
        yield source, target


def built(directory):
    for source in KERNELS:
        folder, name = os.path.split(source)
        room = pathlib.Path(folder).name
        yield source, pathlib.Path(directory, folder, "CMakeFiles", f"framelog_{room}.dir", name + ".o")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--built")
    parser.add_argument("architectures", nargs="+", choices=MACHINES)
    arguments = parser.parse_args()
    suite = unittest.TestSuite()
    with tempfile.TemporaryDirectory(prefix="framelog-test-") as scratch:
        for name in arguments.architectures:
            machine = MACHINES[name]
            objects = built(arguments.built) if arguments.built else compiled(machine, scratch)
            listings = {source: subprocess.run(
                [f"{machine.triplet}-objdump", "-d", "-C", "--no-show-raw-insn", file],
                capture_output=True, text=True, check=True).stdout for source, file in objects}
            case = type(f"Vectors_{name}", (Vectors,), {"machine": machine, "listings": listings})
            suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    sys.exit(0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1)


if __name__ == "__main__":
    main()
