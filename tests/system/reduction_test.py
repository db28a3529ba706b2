"""Random reductions of random frames, each compared with the same arithmetic in NumPy.

FRAMELOG_REDUCTIONS: how many (1500); FRAMELOG_SEED: of the random choices.
"""

import os
import pathlib
import random
import shutil
import tempfile

import recorder
from recorder import numpy

CASES = int(os.environ.get("FRAMELOG_REDUCTIONS", "1500"))
SEED = int(os.environ.get("FRAMELOG_SEED", "3"))
PRODUCTS = 16  # A recording has at most so many.

TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "float32", "float64"]
UNSIGNED = ["uint8", "uint16", "uint32", "uint64"]
SIGNED = ["int8", "int16", "int32"]
BINS = [(1, 1), (2, 2), (3, 3), (5, 2), (4, 4), (8, 8), (1, 3), (7, 1)]
GROUP_CUT_SHORT = 1 << 5


def is_float(dtype):
    return numpy.issubdtype(dtype, numpy.floating)


def random_frames(choose, dtype, shape):
    """Small values, or any of the type; floats with NaN and infinity now and then."""
    generator = numpy.random.default_rng(choose.randrange(1 << 30))
    if not is_float(dtype):
        limits = numpy.iinfo(dtype)
        least, most = (limits.min, limits.max) if choose.random() < 0.6 else (0, 50)
        return generator.integers(least, most, shape, dtype=dtype, endpoint=True)
    frames = generator.normal(100, 30, shape).astype(dtype)
    if choose.random() < 0.3:
        frames[generator.random(shape) < 0.2] = numpy.nan
    if choose.random() < 0.1:
        frames[generator.random(shape) < 0.02] = numpy.inf
    return frames


def widest(dtype, summands):
    """The type that holds a sum of so many, as the design has it."""
    if is_float(dtype) or summands == 1:
        return dtype
    limits = numpy.iinfo(dtype)
    for candidate in UNSIGNED if limits.min == 0 else SIGNED:
        held = numpy.iinfo(candidate)
        if limits.max * summands <= held.max and limits.min * summands >= held.min:
            return candidate
    return "uint64" if limits.min == 0 else "float64"


def rounded(values):
    """Half away from zero."""
    return numpy.sign(values) * numpy.floor(numpy.abs(values) + 0.5)


def saturated(values, dtype):
    """Python integers or floats as `dtype`; beside them, which of them did not fit."""
    if is_float(dtype):
        with numpy.errstate(over="ignore"):
            result = numpy.asarray(values, dtype="float64").astype(dtype)
        return result, numpy.isinf(result) & ~numpy.isinf(numpy.asarray(values, dtype="float64"))
    limits = numpy.iinfo(dtype)
    clipped = numpy.array([not limits.min <= v <= limits.max for v in values.ravel()],
                          dtype=bool).reshape(values.shape)
    inside = [0 if v != v else min(max(v, limits.min), limits.max) for v in values.ravel()]
    return numpy.array([int(v) for v in inside], dtype=dtype).reshape(values.shape), clipped


def combine(parts, mean, dtype, result_type):
    """Sum or mean of a list of arrays, in its order; beside it, what was clipped."""
    if is_float(dtype):
        total = numpy.zeros(parts[0].shape)
        count = numpy.zeros(parts[0].shape)
        infinite = numpy.zeros(parts[0].shape, dtype=bool)
        for part in parts:
            good = ~numpy.isnan(part)
            with numpy.errstate(all="ignore"):
                total = numpy.where(good, total + part.astype("float64"), total)
            count += good
            infinite |= numpy.isinf(part)
        with numpy.errstate(all="ignore"):
            value = total / count if mean else total
            result = numpy.where(count == 0, numpy.nan, value).astype(result_type)
        return result, numpy.isinf(result) & ~infinite
    total = sum(part.astype(object) for part in parts)
    if mean:
        n = len(parts)
        total = numpy.vectorize(
            lambda s: (2 * s + n) // (2 * n) if s >= 0 else -((-2 * s + n) // (2 * n)),
            otypes=[object])(total)
    return saturated(total, result_type)


class Reduction:
    """One random product: its lines of configuration, and what it makes of frames."""

    def __init__(self, choose, name, dtype, height, width):
        self.name, self.dtype = name, dtype
        y = sorted(choose.sample(range(height + 1), 2)) if choose.random() < 0.6 else (0, height)
        x = sorted(choose.sample(range(width + 1), 2)) if choose.random() < 0.6 else (0, width)
        self.roi = (y[0], y[1], x[0], x[1])
        fitting = [b for b in BINS if b[0] <= y[1] - y[0] and b[1] <= x[1] - x[0]]
        self.bin = choose.choice(fitting)
        self.bin_mean = choose.random() < 0.5
        self.keep = choose.choice([1, 1, 1, 2, 3])
        self.group = choose.choice([1, 1, 1, 2, 3, 5])
        self.group_mean = choose.random() < 0.5
        self.output = choose.choice(TYPES) if choose.random() < 0.35 else None
        self.map = None
        if choose.random() < 0.25:
            self.map = (choose.randrange(-50, 50), choose.randrange(60, 300),
                        choose.randrange(-20, 20), choose.randrange(30, 1000))
        self.format = "hdf5" if choose.random() < 0.2 else "raw"

    def lines(self):
        lines = [f"[product.{self.name}]", f"format = {self.format}",
                 "roi = y={}:{}, x={}:{}".format(*self.roi), "bin = {}x{}".format(*self.bin),
                 f"bin_mode = {'mean' if self.bin_mean else 'sum'}",
                 f"keep_every = {self.keep}", f"accumulate = {self.group}",
                 f"accumulate_mode = {'mean' if self.group_mean else 'sum'}"]
        if self.output:
            lines.append(f"dtype = {self.output}")
        if self.map:
            lines.append("renormalise = {}, {} -> {}, {}".format(*self.map))
        return lines

    def binned(self, frame):
        y0, y1, x0, x1 = self.roi
        rows, columns = self.bin
        frame = frame[y0:y0 + (y1 - y0) // rows * rows, x0:x0 + (x1 - x0) // columns * columns]
        if self.bin == (1, 1):
            return frame, numpy.zeros(frame.shape, dtype=bool)
        parts = [frame[r::rows, c::columns] for r in range(rows) for c in range(columns)]
        result_type = self.dtype if self.bin_mean else widest(self.dtype, rows * columns)
        return combine(parts, self.bin_mean, self.dtype, result_type)

    def converted(self, frame):
        """Beside the result, which pixels were clipped."""
        output = self.output or frame.dtype.name
        if not self.map and output == frame.dtype.name:
            return frame, numpy.zeros(frame.shape, dtype=bool)
        values = frame.astype(object)
        if self.map:
            a, b, c, d = map(float, self.map)
            with numpy.errstate(all="ignore"):
                values = c + (frame.astype("float64") - a) * (d - c) / (b - a)
        if is_float(output):
            return saturated(values, output)
        if values.dtype == object and not is_float(frame.dtype):
            return saturated(values, output)
        values = values.astype("float64")
        with numpy.errstate(all="ignore"):
            return saturated(rounded(values), output)

    def apply(self, frames):
        """Pixels, clipped pixels and number of frames of each recorded frame."""
        kept = [self.binned(frame) for frame in frames[::self.keep]]
        results = []
        for first in range(0, len(kept), self.group):
            group = kept[first:first + self.group]
            clipped = sum(c.astype(int) for _, c in group)
            pixels = group[0][0]
            if self.group > 1:
                dtype = pixels.dtype.name
                summands = 1 if self.bin_mean else self.bin[0] * self.bin[1]
                result_type = dtype
                if not self.group_mean:
                    result_type = widest(self.dtype, summands * self.group)
                pixels, more = combine([p for p, _ in group], self.group_mean, dtype, result_type)
                clipped = clipped + more
            pixels, more = self.converted(pixels)
            results.append((pixels, clipped, more, len(group)))
        return results


class RandomReductions(recorder.Case):
    def setUp(self):
        super().setUp()
        # Thousands of small files: in memory, where syncing them costs nothing.
        if os.path.isdir("/dev/shm"):
            self.base = pathlib.Path(tempfile.mkdtemp(prefix="framelog-test-", dir="/dev/shm"))
            self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)

    def check(self, reduction, frames, segment, what):
        wanted = reduction.apply(frames)
        self.assertEqual(len(segment.pixels), len(wanted), what)
        records = segment.records
        for i, (pixels, clipped, more, merged) in enumerate(wanted):
            found = segment.pixels[i]
            self.assertEqual(found.dtype.name, pixels.dtype.name, what)
            numpy.testing.assert_array_equal(found, pixels, f"{what}, frame {i}")
            self.assertEqual(records["accumulated"][i], merged, what)
            self.assertEqual(bool(records["flags"][i] & GROUP_CUT_SHORT),
                             merged < reduction.group, what)
            if not clipped.any():
                self.assertEqual(int(records["clipped"][i]), int(more.sum()), f"{what}, frame {i}")
            else:
                self.assertGreater(int(records["clipped"][i]), 0, what)
            self.check_statistics(found, records[i], what)
        kept = len(frames[::reduction.keep])
        self.assertEqual(segment.accounting["skipped"], len(frames) - kept, what)
        self.assertEqual(segment.accounting["merged"], kept - len(wanted), what)

    def check_statistics(self, pixels, record, what):
        values = pixels[~numpy.isnan(pixels)] if is_float(pixels.dtype) else pixels
        if values.size == 0:
            self.assertTrue(numpy.isnan(record["mean"]), what)
            return
        if is_float(pixels.dtype) and numpy.isinf(values).any():
            return
        self.assertEqual(record["min"], float(values.min()), what)
        self.assertEqual(record["max"], float(values.max()), what)
        exact = values.astype("longdouble")
        scale = float(numpy.abs(exact).sum())
        self.assertAlmostEqual(record["sum"], float(exact.sum()), delta=1e-12 * scale, msg=what)
        self.assertAlmostEqual(record["mean"], float(exact.mean()),
                               delta=1e-12 * scale / values.size, msg=what)
        spread = float(numpy.abs(exact).max())
        self.assertAlmostEqual(record["std"], float(exact.std()), delta=1e-12 * spread, msg=what)

    def test_equal_numpy(self):
        """Types x reductions x odd shapes."""
        choose = random.Random(SEED)
        done = 0
        while done < CASES:
            dtype = choose.choice(TYPES)
            shape = (choose.randrange(1, 12), choose.randrange(1, 40), choose.randrange(1, 70))
            frames = random_frames(choose, dtype, shape)
            path = self.directory / f"frames_{done}.npy"
            numpy.save(path, frames)
            reductions = [Reduction(choose, f"p{i}", dtype, *shape[1:]) for i in range(PRODUCTS)]
            threads = choose.choice([1, 1, 2, 3])
            text = [f"[source]\ndriver = replay\npath = {path}\nrate = max",
                    f"[realtime]\nreduce_threads = {threads}",
                    f"[ring]\nmemory = {choose.choice([4, 16])} MiB", "[roll]\nmax_size = 1 MiB",
                    f"[files]\nbase = {self.base / str(done)}\ntemplate = {{product}}_{{segment:04}}"]
            for reduction in reductions:
                text += reduction.lines()
            self.record(self.configure("\n".join(text), name=f"r{done}"))
            segments = {s.provenance["instrument"]["product"]: s for suffix in (".h5", ".raw")
                        for s in recorder.finished(self.base / str(done), suffix)}
            for reduction in reductions:
                what = f"{dtype} {shape}, {'; '.join(reduction.lines()[1:])}"
                self.check(reduction, frames, segments[reduction.name], what)
                done += 1
            if done % (PRODUCTS * 16) == 0:
                self.verify(self.base / str(done - PRODUCTS))
            shutil.rmtree(self.base / str(done - PRODUCTS))
            path.unlink()


if __name__ == "__main__":
    recorder.main()
