"""Many clients of one control socket: good ones, who want every answer, and one who is not."""

import collections
import contextlib
import itertools
import json
import os
import pathlib
import selectors
import socket
import threading
import time

GOOD = 31  # With the malicious one as many as the daemon admits.
GIVE_UP_S = 60  # Without any answer for so long nobody listens.


def request(number, method, **params):
    about = {"jsonrpc": "2.0", "id": number, "method": method}
    if params:
        about["params"] = params
    return json.dumps(about).encode() + b"\n"


class GoodClient:
    """Asks one thing at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.socket.setblocking(False)
        self.answer = b""
        self.number = 0
        self.asked_s = 0.0
        self.result = None

    def ask(self, method):
        self.number += 1
        self.asked_s = time.monotonic()
        # A request is small, and the answer to the last one has been read: there is room.
        self.socket.sendall(request(self.number, method))

    def hear(self):
        """How long the answer took, once it is complete."""
        part = self.socket.recv(1 << 16)
        if not part:
            raise AssertionError("the daemon has closed the connection of a good client")
        self.answer += part
        if not self.answer.endswith(b"\n"):
            return None
        took_s = time.monotonic() - self.asked_s
        answer, self.answer = json.loads(self.answer), b""
        if answer.get("id") != self.number or "result" not in answer:
            raise AssertionError(f"request {self.number} was answered with {answer}")
        self.result = answer["result"]
        return took_s


    def ask_and_wait(self, method):
        """The result."""
        self.ask(method)
        self.socket.setblocking(True)
        while self.hear() is None:
            pass
        return self.result

    def ring_and_received(self):
        """The ring, None before the recording, and how many frames the first product has got."""
        status = self.ask_and_wait("status")
        products = status["products"]
        return status["ring"], products[0]["accounting"]["received"] if products else 0


@contextlib.contextmanager
def connected(path):
    """A client for a few questions."""
    client = GoodClient(path)
    with client.socket:
        yield client


class GoodClients:
    """They ask for the status and the metrics in turns, together at most `rate_hz` times a second."""

    def __init__(self, path, rate_hz, count=GOOD):
        self.rate_hz = rate_hz
        self.clients = [GoodClient(path) for _ in range(count)]
        self.methods = itertools.cycle(("status", "metrics"))
        self.asked = 0
        self.times_s = []

    def run(self, is_enough):
        """Asks until is_enough(), and waits for all answers. Errors: AssertionError."""
        idle = collections.deque(self.clients)
        began_s = time.monotonic()
        with selectors.DefaultSelector() as answers:
            for client in self.clients:
                answers.register(client.socket, selectors.EVENT_READ, client)
            while not is_enough():
                due = (time.monotonic() - began_s) * self.rate_hz
                while idle and self.asked < due:
                    self._ask(idle.popleft())
                self._hear(answers, idle, 0.001)
            while len(idle) < len(self.clients):
                if not self._hear(answers, idle, GIVE_UP_S):
                    raise AssertionError(f"no answer for {GIVE_UP_S} s")

    def _ask(self, client):
        client.ask(next(self.methods))
        self.asked += 1

    def _hear(self, answers, idle, timeout_s):
        ready = answers.select(timeout_s)
        for key, _ in ready:
            took_s = key.data.hear()
            if took_s is not None:
                self.times_s.append(took_s)
                idle.append(key.data)
        return ready

    @property
    def answered(self):
        return len(self.times_s)

    def close(self):
        for client in self.clients:
            client.socket.close()


class MaliciousClient(threading.Thread):
    """Does one wrong thing after the other until it is told to stop."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.enough = threading.Event()
        self.done = collections.Counter()
        self.deeds = (self.half_line, self.long_line, self.deep_json, self.no_json,
                      self.closed_pipe, self.no_reads, self.events_unread, self.frames_unread,
                      self.half_closed, self.nothing)

    def run(self):
        for deed in itertools.cycle(self.deeds):
            if self.enough.is_set():
                return
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(0.2)
                try:
                    client.connect(str(self.path))
                    deed(client)
                except OSError:
                    pass  # Being thrown out is what it can expect.
            self.done[deed.__name__] += 1

    def has_done_everything(self):
        return len(self.done) == len(self.deeds)

    def stop(self):
        self.enough.set()
        self.join()

    @staticmethod
    def half_line(client):
        client.sendall(b'{"jsonrpc":"2.0","id":1,"meth')

    @staticmethod
    def long_line(client):
        client.sendall(b"x" * 1_000_000 + b"\n")

    @staticmethod
    def deep_json(client):
        client.sendall(b"[" * 60_000 + b"\n")
        client.recv(100)
        client.sendall(b'{"a":' * 12_000 + b"\n")
        client.recv(100)

    @staticmethod
    def no_json(client):
        client.sendall(bytes(range(256)) * 100 + b"\n" * 1000)
        client.recv(100)

    @staticmethod
    def closed_pipe(client):
        client.sendall(request(1, "metrics") * 500)

    def no_reads(self, client):
        """It asks until it is no longer listened to, and stays."""
        try:
            client.sendall(request(1, "metrics") * 50_000)
        except TimeoutError:
            self.enough.wait(0.5)

    def events_unread(self, client):
        client.sendall(request(1, "subscribe", rates=0.1) * 2000)
        self.enough.wait(0.5)

    def frames_unread(self, client):
        client.sendall(request(1, "grab") * 1000)
        self.enough.wait(0.1)

    @staticmethod
    def half_closed(client):
        client.sendall(request(1, "status") * 100)
        client.shutdown(socket.SHUT_WR)
        client.recv(10)

    @staticmethod
    def nothing(_):
        """A connection, and no word."""


def memory_beside_ring_bytes(pid):
    """Resident memory of a daemon without that for frames."""
    total_kb, is_ring = 0, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        key, *values = line.split()
        if not key.endswith(":"):
            is_ring = "framelog-ring" in line
        elif key == "Rss:" and not is_ring:
            total_kb += int(values[0])
    return total_kb << 10


def is_sanitized(pid):
    """Its memory is not its own then: sanitizers keep what has been freed."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    return "libasan" in maps or "libtsan" in maps


def descriptors(pid):
    """Open sockets of a process: its files come and go with its segments."""
    count = 0
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            count += os.readlink(descriptor).startswith("socket:")
    return count
