#!/usr/bin/env python3
"""Writes tiny valid files, from which the fuzzers start: OUTPUT/npy/..., OUTPUT/mib/..., and so on; and the names
of each fuzzer's, OUTPUT/npy.list. The same bytes every time.

Usage: make_seeds.py OUTPUT
"""

import itertools
import json
import pathlib
import struct
import sys
import zlib

import h5py


def npy(descr, shape, version=1):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    count = 1
    for side in shape:
        count *= side
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + bytes(count * int(descr[2:]))


def npy_seeds():
    for descr in ("|u1", "<u2", ">i4", "<f8"):
        for shape in ((3,), (2, 3), (2, 3, 1), (2, 1, 2, 2)):
            yield npy(descr, shape)
    yield npy("<u8", (1, 2), 2)


def mib(kind, depth, width, height, payload, layout="1x1", chips=1):
    frames = b""
    for number in (1, 2, 4):
        text = (f"MQ1,{number:06d},00256,{chips:02d},{width:04d},{height:04d},{kind},{layout:>6},01,"
                f"2026-11-20 16:00:00.0,0.001000,0,0,0,1.2E+2,3RX,175,"
                f"MQ1A,2026-11-20T16:00:00.000000{number:03d}Z,1000000ns,{depth},")
        frames += text.encode().ljust(256, b"\0") + bytes(range(payload))
    return frames


def mib_seeds():
    yield mib("U08", 6, 3, 2, 6)
    yield mib("U16", 12, 3, 2, 12)
    yield mib("U32", 24, 3, 2, 24)
    yield mib("R64", 1, 64, 2, 16)
    yield mib("R64", 6, 8, 2, 16)
    yield mib("R64", 12, 4, 2, 16)
    yield mib("R64", 24, 8, 2, 32)
    yield mib("R64", 6, 32, 1, 32, "2x2", 4)
    yield mib("R64", 12, 16, 1, 32, "2x2G", 4)


def mpx(body, comma=1):
    return b"MPX,%010d," % (len(body) + comma) + body


def merlin_seeds():
    """A byte that says how the stream is cut, then what a Merlin sends."""
    header = (b"HDR,\t\r\nChip ID:\tW1_A2\r\nFrames in Acquisition (Number):\t4\r\n"
              b"Frames per Trigger (Number):\t2\r\nEnd\t")
    for frames in mib_seeds():
        stride = len(frames) // 3
        bodies = [header] + [frames[at:at + stride] for at in range(0, len(frames), stride)]
        for comma in (1, 0):
            yield b"\x3f" + b"".join(mpx(body, comma) for body in bodies)
        yield b"\xff" + b"garbage".join(mpx(body) for body in bodies)
    yield b"\x05" + mpx(b"PRF,1,2") + mpx(b"GET,IMAGEX,256,0") + mpx(b"SET,GAIN,3")
    yield b"\x05GET,IMAGEX,256,0"


def tiff(order, big, bits, sample_format, tiled, compression, pages=2, description=b""):
    """Pages of 5 x 3 pixels, in strips of two rows or a tile of 16 x 16."""
    pack = lambda value, size: value.to_bytes(size, {"II": "little", "MM": "big"}[order])
    word = 8 if big else 4
    out = bytearray(order.encode() + pack(43 if big else 42, 2))
    out += (pack(8, 2) + pack(0, 2) if big else b"")
    link = len(out)
    out += pack(0, word)
    for _ in range(pages):
        row = bytes(range(5 * bits // 8))
        pieces = [bytes(256 * bits // 8)] if tiled else [row * 2, row]
        if compression == 8:
            pieces = [zlib.compress(piece) for piece in pieces]
        if compression == 32773:
            pieces = [b"".join(bytes([0, byte]) for byte in piece) for piece in pieces]
        offsets = [len(out) + sum(map(len, pieces[:i])) for i in range(len(pieces))]
        out += b"".join(pieces)
        entries = [(256, 4, [5]), (257, 4, [3]), (258, 3, [bits]), (259, 3, [compression]), (262, 3, [1])]
        if description:
            entries.append((270, 2, [*description, 0]))
        places = [(324, 4, offsets), (325, 4, [*map(len, pieces)])] if tiled else [
            (273, 4, offsets), (277, 3, [1]), (278, 4, [2]), (279, 4, [*map(len, pieces)])]
        entries += ([(277, 3, [1]), (322, 4, [16]), (323, 4, [16])] if tiled else []) + places
        entries.append((339, 3, [sample_format]))
        directory = pack(len(entries), 8 if big else 2)
        for tag, kind, values in entries:
            data = b"".join(pack(value, {2: 1, 3: 2, 4: 4}[kind]) for value in values)
            directory += pack(tag, 2) + pack(kind, 2) + pack(len(values), word)
            if len(data) > word:
                directory += pack(len(out), word)
                out += data
            else:
                directory += data.ljust(word, b"\0")
        out[link:link + word] = pack(len(out), word)
        out += directory
        link = len(out)
        out += pack(0, word)
    return bytes(out)


OME = (b'<?xml version="1.0"?><OME Creator="a"><Image><Pixels DimensionOrder="XYZCT" SizeX="5" SizeY="3" '
       b'SizeZ="1" SizeC="1" SizeT="2" Type="int8" SignificantBits="7" PhysicalSizeX="0.65">'
       b'<TiffData IFD="0" FirstT="1" PlaneCount="1"/><TiffData IFD="1" FirstT="0"/>'
       b'<Plane TheC="0" TheZ="0" TheT="0" DeltaT="0.5" ExposureTime="2" ExposureTimeUnit="ms"/>'
       b'<Plane TheC="0" TheZ="0" TheT="1" DeltaT="1.5"/></Pixels></Image></OME>')


def tiff_seeds():
    for order, big, tiled, compression in itertools.product(
            ("II", "MM"), (False, True), (False, True), (1, 8, 32773)):
        yield tiff(order, big, 16, 1, tiled, compression)
    for bits, sample_format in ((8, 2), (32, 3), (64, 1)):
        yield tiff("MM", False, bits, sample_format, False, 1)
    yield tiff("II", False, 8, 2, False, 1, description=OME)
    yield tiff("MM", False, 8, 1, False, 1, 1, b"ImageJ=1.53t\nimages=3\nframes=3\n")


def raw_description_seeds():
    sidecar = {"format": "framelog-raw", "version": 1, "finished": True, "shape": [4, 2, 4], "dtype": "<u2",
               "endianness": "little", "provenance": {"a": [1, 2.5, "x", None]},
               "gaps": [{"after_sequence": 1, "frames": 2, "duration_ns": 3, "stage": "s", "reason": "r"}]}
    yield json.dumps(sidecar).encode()
    del sidecar["gaps"]
    yield json.dumps(sidecar | {"shape": [-1, 8, 8], "dtype": ">f4", "endianness": "big"}).encode()
    yield json.dumps(sidecar | {"shape": [64, 1, 1], "dtype": "|u1", "frames": "a.frames"}).encode()
    reasons = ["ring-full", "segment-not-ready", "disk-full", "no-disk", "write-error", "incomplete", "reload",
               "crash", "no-process"]
    accounting = dict.fromkeys(("received", "recorded", "merged", "skipped", "not_recorded"), 7)
    accounting["dropped"] = dict.fromkeys(reasons, 1)
    accounting["lost_at_source"] = dict.fromkeys(("sequence-gap", "disconnected"), 1)
    yield json.dumps(sidecar | {"accounting": accounting}).encode()


def json_rpc_seeds():
    for method, params in (("status", {}), ("mark", {"text": "a \u00e4"}), ("grab", {"product": "x"}),
                           ("set", {"key": "t", "value": -2.5e3, "unit": "degC"}),
                           ("subscribe", {"events": ["mark", "drops"], "rates": 1, "no": None, "yes": True})):
        yield json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    yield json.dumps({"jsonrpc": "2.0", "id": "a", "method": "stop"}).encode()
    yield json.dumps([{"jsonrpc": "2.0", "method": "m", "params": [[[{}]]]}]).encode()


def config_seeds():
    yield b"[source]\ndriver = simulator\nrate = 25 Hz\nfaults = lose 3 at 100; stall 2 s at 500\n"
    yield (b"[instrument]\ntitle = \xc3\xa4\npixel_size = 0.65 um, 1 um\nscan = 4 x 5\n"
           b"[source]\ndriver = replay\npath = a.npy\n[product.a]\nroi = y=1:9, x=:16\nbin = 2x3\n"
           b"renormalise = 0, 4095 -> 0, 255\ndetectors = d\n[detector.d]\nshape = annulus\n"
           b"inner = 5 px\nouter = 9 px\n")
    yield (b"; a\n[source]\ndriver = simulator\n[files]\nbase = /tmp/x\ntemplate = {run}_{segment:04}\n"
           b"sync_interval = 250 ms\n[roll]\nmax_size = 512 MiB\nmax_duration = 1 h 30 min\n"
           b"[record]\nstart = trigger\ntrigger = command\npre_frames = 5\n[ring]\nmemory = auto\n"
           b"[product.b]\nformat = raw\nendian = big\ncompression = none\n")


def template_seeds():
    yield b"{start:%Y}/{start:%Y%m%d}/{instrument}_{product}_{start:%Y%m%d_%H_%M_%S}_{segment:04}"
    yield b"{{{operator:_>20}}}/{utc}{local:%F %T}_{frame:6d}"
    yield b"{sample:<8}-{roi}_{bin}.{dtype}/{run:03}_{segment}"


def hdf5_seeds():
    """Small files as other programs write them, without the times of their making."""
    timeless = {kind: h5py.h5p.create(kind) for kind in (h5py.h5p.FILE_CREATE, h5py.h5p.GROUP_CREATE)}
    for properties in timeless.values():
        properties.set_obj_track_times(False)
    for options in ({}, {"chunks": (1, 3, 4)}, {"chunks": (1, 3, 4), "compression": "gzip"},
                    {"chunks": (1, 2, 4), "compression": "gzip", "maxshape": (None, 3, 4)},
                    {"chunks": (2, 2, 2), "shuffle": True, "compression": "gzip"}):
        for oldest in (h5py.h5f.LIBVER_EARLIEST, h5py.h5f.LIBVER_V110):
            access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
            access.set_fapl_core(backing_store=False)
            access.set_libver_bounds(oldest, h5py.h5f.LIBVER_V110)
            with h5py.File(h5py.h5f.create(b"seed", h5py.h5f.ACC_TRUNC, timeless[h5py.h5p.FILE_CREATE],
                                           access)) as file:
                for group in (b"/entry", b"/entry/data"):
                    h5py.h5g.create(file.id, group, gcpl=timeless[h5py.h5p.GROUP_CREATE])
                file.create_dataset("/entry/data/data", shape=(3, 3, 4), dtype="<u2",
                                    data=[[[7] * 4] * 3] * 3, **options)
                file.flush()
                yield file.id.get_file_image()


def recovery_seeds():
    for which in range(8):
        yield bytes([which])
        yield bytes([which, 1, 0, 16, 0, 4, 1, 2, 3, 4])
        yield bytes([which, 2, 0, 8, 0, 0, 1, 0, 2, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0])


def compression_seeds():
    """Codec, pixel type, height - 1 and width - 1; then 64 bytes of pixels as that codec packs them."""
    pixels = bytes(range(16)) * 4
    literals = bytes([0xF0, len(pixels) - 15]) + pixels  # As LZ4 has what it cannot match.
    head = struct.pack(">QI", len(pixels), len(pixels)) + struct.pack(">I", len(literals))
    codes = [256, *pixels, 257]  # Of LZW, 9 bits each.
    bits = "".join(f"{code:09b}" for code in codes)
    lzw = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    block = (len(pixels) << 3 | 1).to_bytes(3, "little")  # Of Zstandard, the last one, as it is.
    packed = (zlib.compress(pixels), head + literals, head + literals,
              b"\x28\xb5\x2f\xfd\x20" + bytes([len(pixels)]) + block + pixels,
              zlib.compress(pixels), lzw)
    for codec, data in enumerate(packed):
        yield bytes([codec, 2, 3, 7]) + data
        yield bytes([codec, 0, 7, 7]) + data


def segment(marker, body):
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def mjpeg_seeds():
    """Height - 1 and width - 1 in one byte; then a baseline picture of 8 x 8, as cameras send it: with
    tables of Huffman codes, or without the usual ones."""
    tables = segment(0xDB, bytes([0, *[1] * 64])) + segment(0xDB, bytes([1, *[1] * 64]))
    codes = b"".join(segment(0xC4, bytes([kind, 1, *[0] * 15, 0])) for kind in (0, 16, 1, 17))
    for components in (1, 3):
        parts = range(1, components + 1)
        frame = segment(0xC0, bytes([8, 0, 8, 0, 8, components]) +
                        b"".join(bytes([i, 0x11, i > 1]) for i in parts))
        scan = segment(0xDA, bytes([components]) + b"".join(bytes([i, 0x11 * (i > 1)]) for i in parts) +
                       bytes([0, 63, 0]))
        for huffman in (b"", codes):
            yield (b"\x77\xff\xd8" + tables + huffman + frame + scan + bytes(2 * components) +
                   b"\xff\xd9")


def main(output):
    for name, seeds in (("npy", npy_seeds()), ("mib", mib_seeds()), ("tiff", tiff_seeds()),
                        ("raw_description", raw_description_seeds()), ("json_rpc", json_rpc_seeds()),
                        ("config", config_seeds()), ("template", template_seeds()),
                        ("hdf5", hdf5_seeds()), ("recovery", recovery_seeds()),
                        ("compression", compression_seeds()), ("mjpeg", mjpeg_seeds()),
                        ("merlin", merlin_seeds())):
        folder = pathlib.Path(output) / name
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for number, seed in enumerate(seeds):
            paths.append(folder / f"{number:02d}")
            paths[-1].write_bytes(seed)
        folder.with_suffix(".list").write_text(",".join(map(str, paths)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
