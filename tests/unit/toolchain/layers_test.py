"""toolchain/layers finds each kind of bad include, and nothing in good ones."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

LAYERS = pathlib.Path(__file__).resolve().parents[3] / "toolchain" / "layers"

HEADERS = {
    "daemon/core/frame.hpp": "#include <vector>\n",
    "daemon/reduce/plan.hpp": '#include "core/frame.hpp"\n',
    "daemon/formats/hdf5_tree.hpp": "#include <hdf5.h>\n",
    "daemon/formats/segment.hpp": '#include "core/frame.hpp"\n',
    "daemon/store/roll.hpp": '#include "formats/segment.hpp"\n',
    "daemon/pipeline/ring.hpp": '#include "store/roll.hpp"\n',
    "drivers/frame_source.hpp": '#include "core/frame.hpp"\n',
    "config/reader.hpp": '#include "core/frame.hpp"\n',
    "tests/fakes/fake_clock.hpp": '#include "core/frame.hpp"\n',
}

GOOD = [
    ("daemon/core/frame.cpp", '#include "core/frame.hpp"\n#include <fmt/format.h>'),
    ("daemon/formats/hdf5_tree.cpp", '#include "formats/hdf5_tree.hpp"\n#include <hdf5.h>'),
    ("daemon/store/roll.cpp", "#include <nlohmann/json.hpp>"),
    ("daemon/pipeline/ring.cpp", '#include "reduce/plan.hpp"\n#include "drivers/frame_source.hpp"'),
    ("daemon/framelogd.cpp", '#include "pipeline/ring.hpp"\n#include "config/reader.hpp"'),
    ("tests/unit/store/roll_test.cpp", '#include "tests/fakes/fake_clock.hpp"'),
    ("tests/fakes/fake_clock.cpp", '#include "fake_clock.hpp"'),
]

BAD = [
    ("daemon/core/frame.cpp", '#include "reduce/plan.hpp"', "core must not include reduce"),
    ("daemon/core/frame.cpp", "#include <boost/asio.hpp>", "core includes the standard library"),
    ("daemon/reduce/plan.cpp", '#include "formats/segment.hpp"', "reduce must not include formats"),
    ("config/reader.cpp", '#include "drivers/frame_source.hpp"', "config must not include drivers"),
    ("daemon/store/roll.cpp", '#include "drivers/frame_source.hpp"', "store must not include drivers"),
    ("drivers/simulator.cpp", '#include "store/roll.hpp"', "drivers must not include store"),
    ("daemon/pipeline/ring.cpp", '#include "formats/segment.hpp"', "pipeline must not include formats"),
    ("daemon/pipeline/ring.cpp", '#include "config/reader.hpp"', "pipeline must not include config"),
    ("daemon/framelogd.cpp", '#include "tests/fakes/fake_clock.hpp"', "mains must not include tests"),
    ("daemon/store/roll.cpp", "#include <hdf5.h>", "is wrapped by daemon/formats/hdf5*"),
    ("daemon/formats/raw.cpp", '#include "formats/hdf5_tree.hpp"', "private header"),
    ("daemon/formats/tiff.hpp", "#include <tiffio.h>", "is wrapped by daemon/formats/tiff*.cpp"),
    ("daemon/formats/raw.hpp", "#include <nlohmann/json.hpp>", "too heavy for a header"),
    ("daemon/formats/raw.cpp", '  #  include "../core/frame.hpp"', "relative include"),
    ("daemon/formats/raw.cpp", '#include "segment.hpp"', "no such header"),
    ("daemon/formats/raw.cpp", '#include "daemon/core/frame.hpp"', "without its name"),
    ("daemon/formats/raw.cpp", "#include <core/frame.hpp>", "with quotation marks"),
    ("daemon/formats/raw.cpp", "#include RAW_HEADER", "cannot be checked"),
    ("daemon/cellar/wine.cpp", "#include <vector>", "a room without a rule"),
]


def check(path, text):
    """Exit status and output for a tree of good headers and one more file."""
    with tempfile.TemporaryDirectory() as tree:
        for name, content in {**HEADERS, path: text + "\n"}.items():
            file = pathlib.Path(tree, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        run = subprocess.run([sys.executable, LAYERS, tree], capture_output=True, text=True, check=False)
    return run.returncode, run.stdout + run.stderr


class Layers(unittest.TestCase):
    def test_good_includes_pass(self):
        for path, text in GOOD:
            with self.subTest(path):
                status, output = check(path, text)
                self.assertEqual(status, 0, output)

    def test_bad_includes_are_named(self):
        for path, text, complaint in BAD:
            with self.subTest(path, include=text):
                status, output = check(path, text)
                self.assertEqual(status, 1, output)
                self.assertIn(f"{path}:1: ", output)
                self.assertIn(complaint, output)
                self.assertEqual(len(output.splitlines()), 1, output)

    def test_an_empty_tree_is_no_success(self):
        with tempfile.TemporaryDirectory() as tree:
            self.assertNotEqual(subprocess.run([sys.executable, LAYERS, tree], capture_output=True,
                                               check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
