#!/usr/bin/env python3
"""A Merlin, as far as its two TCP ports go: plays .mib files, or frames made up, over the data port, and
answers GET, SET and CMD on the control port. For the tests; standard library only.

Usage: merlin_simulator.py [--port 6342] [--control 6341] [--start] FILE.mib

With --start an acquisition begins with every data connection, else with CMD,STARTACQUISITION.
"""

import argparse
import socket
import threading
import time

PREFIX_BYTES = 15
BITS = {"U08": 6, "U16": 12, "U32": 24}
OK, BUSY, UNKNOWN, OUT_OF_RANGE = range(4)


def frame_header(number, width, height, kind="U16", header_bytes=384, extra="", layout="   1x1", chips=1):
    """The text in front of a frame, as a Merlin of version 0.75 writes it."""
    text = (f"MQ1,{number:06d},{header_bytes:05d},{chips:02d},{width:04d},{height:04d},{kind},{layout},01,"
            f"2026-11-20 16:00:00.{number % 1000000:06d},0.001000,0,0,0,1.2E+2,5.1E+2,0.0E+0,0.0E+0,0.0E+0,0.0E+0,0.0E+0,"
            f"0.0E+0,3RX,175,511,000,000,000,000,000,000,125,255,125,125,100,100,082,{extra}"
            f"MQ1A,2026-11-20T16:00:00.{number % 1000000:06d}178Z,1000000ns,{BITS.get(kind, 12)},")
    return text.encode().ljust(header_bytes, b"\0")


def acquisition_header(frames, per_trigger=1, extra=(), padded=2048):
    lines = ["HDR,\t", "Time and Date Stamp (day, mnth, yr, hr, min, s):\t20/11/2026 16:00:00",
             "Chip ID:\tW529_F5", "Chip Type (Medipix 3.0, Medipix 3.1, Medipix 3RX):\tMedipix 3RX",
             f"Frames in Acquisition (Number):\t{frames}", f"Frames per Trigger (Number):\t{per_trigger}",
             *(f"{key}:\t{value}" for key, value in extra), "End\t"]
    return "\r\n".join(lines).encode().ljust(padded)


def mib_frames(path):
    """Each frame of a .mib, header and pixels, as it is sent."""
    data = path.read_bytes()
    fields = data[:64].split(b",")
    header_bytes, width, height, kind = int(fields[2]), int(fields[4]), int(fields[5]), fields[6]
    if kind == b"R64":
        depth = int(data[:header_bytes].rstrip(b"\0 ").rstrip(b",").split(b",")[-1])
        pixel_bytes = width * height * {1: 1, 6: 8, 12: 16, 24: 16}[depth] // 8
    else:
        pixel_bytes = width * height * int(kind[1:]) // 8
    stride = header_bytes + pixel_bytes
    return [data[at:at + stride] for at in range(0, len(data) - stride + 1, stride)]


class Merlin:
    """Both ports, on threads of their own. What is sent is asked of `acquisitions`.

    comma: whether the length counts the comma before the body. parameters: what the control port knows;
    refused: {name: status} of what it does not take. silent: it accepts, and answers nothing.
    """

    def __init__(self, port=0, control_port=0, comma=True, parameters=None, refused=None, silent=False):
        self.comma = comma
        self.parameters = dict(parameters or {})
        self.refused = dict(refused or {})
        self.silent = silent
        self.commands = []
        self.started = threading.Event()
        self.connections = 0
        self._condition = threading.Condition()
        self._data = None
        self._ending = False
        self._listeners = []
        self.port = self._listen(port, self._accept_data)
        self.control_port = self._listen(control_port, self._accept_control)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._ending = True
        for listener in self._listeners:
            listener.close()
        self.cut()

    def _listen(self, port, accept):
        listener = socket.create_server(("127.0.0.1", port), backlog=8)
        self._listeners.append(listener)
        threading.Thread(target=self._serve, args=(listener, accept), daemon=True).start()
        return listener.getsockname()[1]

    def _serve(self, listener, accept):
        while not self._ending:
            try:
                listener.settimeout(0.1)
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.settimeout(None)
            accept(connection)

    # The data port.

    def _accept_data(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._condition:
            if self._data is not None:
                self._data.close()
            self._data = connection
            self.connections += 1
            self._condition.notify_all()

    def wait_connected(self, count=1, timeout=60):
        """Waits for connection number `count`."""
        with self._condition:
            if not self._condition.wait_for(lambda: self.connections >= count and self._data, timeout):
                raise TimeoutError(f"no connection {count} to the data port")

    def send(self, data):
        """Bytes as they are."""
        self._data.sendall(data)

    def send_message(self, body):
        self.send(self.message(body))

    def message(self, body):
        return b"MPX,%010d," % (len(body) + int(self.comma)) + body

    def send_pieces(self, pieces):
        """Buffers one behind the other, in one call of the kernel where it takes them all."""
        sent = self._data.sendmsg(pieces)
        if sent < sum(map(len, pieces)):
            self.send(b"".join(pieces)[sent:])

    def play(self, frames, header=None, pace_s=0, between=None):
        """An acquisition: its header and frames. between(number): bytes to send before a frame."""
        if header is not None:
            self.send_message(header)
        for number, frame in enumerate(frames):
            if between:
                self.send(between(number))
            self.send_message(frame)
            if pace_s:
                time.sleep(pace_s)

    def cut(self, reset=False):
        """The data connection ends."""
        with self._condition:
            connection, self._data = self._data, None
        if connection is None:
            return
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        else:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        connection.close()

    def wait_closed(self, timeout=60):
        """Waits until the other side has closed the data connection."""
        self._data.settimeout(timeout)
        while self._data.recv(1024):
            pass

    # The control port.

    def _accept_control(self, connection):
        threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        received = b""
        with connection:
            while True:
                try:
                    chunk = connection.recv(4096)
                except OSError:
                    return
                if not chunk:
                    return
                received += chunk
                while len(received) >= PREFIX_BYTES:
                    length = int(received[4:14]) - 1
                    if len(received) < PREFIX_BYTES + length:
                        break
                    body, received = received[PREFIX_BYTES:PREFIX_BYTES + length], received[PREFIX_BYTES + length:]
                    if not self.silent:
                        connection.sendall(self.message(self.answer(body.decode()).encode()))

    def answer(self, body):
        self.commands.append(body)
        verb, name, *rest = body.split(",")
        status = self.refused.get(name, OK)
        if verb == "GET":
            known = name in self.parameters
            return f"GET,{name},{self.parameters.get(name, 0)},{OK if known else UNKNOWN}"
        if verb == "SET":
            if status == OK:
                self.parameters[name] = rest[0]
            return f"SET,{name},{status}"
        if verb == "CMD":
            if name == "STARTACQUISITION" and status == OK:
                self.started.set()
            if name == "STOPACQUISITION" and status == OK:
                self.started.clear()
            return f"CMD,{name},{status}"
        return f"{verb},{name},{UNKNOWN}"


class Burst:
    """Frames with the same pixels, prepared to be sent `count` at a time, as fast as a machine can.

    All go out in one call; the pixels are one buffer, which stays in the cache, so that the kernel's copy is
    all that a frame costs. Between two calls only the headers are numbered.
    """

    def __init__(self, merlin, image, width, height, count=180):
        self.merlin, self.count, self.number = merlin, count, 0
        header = frame_header(1, width, height)
        self.head = merlin.message(header + image)[:PREFIX_BYTES] + header
        self.heads = bytearray(self.head * count)
        view = memoryview(self.heads)
        self.pieces = []
        for at in range(0, len(self.heads), len(self.head)):
            self.pieces += [view[at:at + len(self.head)], image]

    def send(self):
        """The next ones."""
        at = PREFIX_BYTES + len("MQ1,")
        for number in range(self.number + 1, self.number + self.count + 1):
            self.heads[at:at + 6] = b"%06d" % (number % 1000000)
            at += len(self.head)
        self.number += self.count
        self.merlin.send_pieces(self.pieces)


def main():
    import pathlib  # pylint: disable=import-outside-toplevel

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--port", type=int, default=6342)
    parser.add_argument("--control", type=int, default=6341)
    parser.add_argument("--start", action="store_true")
    parser.add_argument("--pace", type=float, default=0, help="seconds between frames")
    parser.add_argument("--plain", action="store_true", help="lengths without the comma")
    options = parser.parse_args()
    frames = mib_frames(options.file)
    hdr = options.file.with_suffix(".hdr")
    header = hdr.read_bytes() if hdr.exists() else acquisition_header(len(frames))
    fields = frames[0][:64].split(b",")
    parameters = {"IMAGEX": int(fields[4]), "IMAGEY": int(fields[5]), "NUMFRAMESTOACQUIRE": len(frames)}
    connections = 0
    with Merlin(options.port, options.control, not options.plain, parameters) as merlin:
        while True:
            connections += 1
            merlin.wait_connected(connections, None)
            try:
                if not options.start:
                    merlin.started.wait()
                    merlin.started.clear()
                merlin.play(frames, header, options.pace)
            except OSError:
                pass


if __name__ == "__main__":
    main()
