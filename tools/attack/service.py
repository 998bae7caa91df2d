"""Attacks a service of `edgetl serve` and says which of its promises hold.

    python3 tools/attack/service.py EDGETL [--seed N] [--connections N]

Makes a small state in a temporary folder (`edgetl demo --keep`), starts EDGETL's service on a free port of 127.0.0.1 and
attacks that alone, for about a minute and a half: malformed requests, half-sent heads, stalled and dripping bodies, idle
connections, other hosts and pages, heads that are too long. Meanwhile /health/live must answer within 2 s and a good
picture within 5 s, as it did before. Ends with 1 where a promise is broken. Python's standard library is enough.
"""

import argparse
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HEALTH_SECONDS, PICTURE_SECONDS = 2.0, 5.0
MEGABYTES = 4
"""The service's --max-body-megabytes: four bodies of this length fill its memory for pictures."""


class Service:
    """A running service, and what a client asks of it."""

    def __init__(self, edgetl, folder):
        command = [edgetl, "--state", folder / "state", "serve", "--json", "--address", "127.0.0.1:0"]
        command += ["--max-body-megabytes", str(MEGABYTES)]
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            sys.exit(f"the service does not start: {self.log.read()}")
        host, port = json.loads(line)["address"].rsplit(":", 1)
        self.address = (host, int(port))

    def connect(self, seconds=10):
        return socket.create_connection(self.address, timeout=seconds)

    def send(self, request, seconds=10):
        """Sends bytes as they are; gives all that comes back until the connection closes or is silent for so long."""
        answer = b""
        try:
            with self.connect(seconds) as stream:
                stream.sendall(request)
                while piece := stream.recv(65536):
                    answer += piece
        except OSError:
            pass
        return answer

    def get(self, path, headers=("Host: localhost",), method="GET"):
        lines = [f"{method} {path} HTTP/1.1", "Connection: close", *headers, "", ""]
        return status(self.send("\r\n".join(lines).encode()))

    def predict(self, picture):
        """The status and the JSON of the answer to a picture."""
        answer = self.send(body_head(len(picture), "Connection: close\r\n") + picture, 3 * PICTURE_SECONDS)
        _, _, body = answer.partition(b"\r\n\r\n")
        return status(answer), body

    def memory(self):
        """The most memory that it has had, in MB; nothing where the system does not say."""
        try:
            lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        except OSError:
            return None
        return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), None)

    def end(self):
        self.process.terminate()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def status(answer):
    """The status of an HTTP answer; 0 where there was none."""
    words = answer.split(b" ", 2)
    return int(words[1]) if answer.startswith(b"HTTP/1.") and len(words) > 1 and words[1][:3].isdigit() else 0


def body_head(length, more=""):
    return f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{more}\r\n".encode()


class Watch:
    """Asks for health and for good pictures and keeps how long the answers took and what was wrong with them."""

    def __init__(self, service, pictures):
        self.service, self.pictures = service, pictures
        self.expected = [service.predict(picture) for picture in pictures]
        if any(code != 200 for code, _ in self.expected):
            sys.exit(f"good pictures are refused before any attack: {self.expected}")
        self.start()

    def start(self):
        self.health, self.picture, self.faults, self.asked = 0.0, 0.0, [], 0

    def look(self):
        start = time.monotonic()
        if (code := self.service.get("/health/live")) != 200:
            self.faults.append(f"health answers {code}")
        self.health = max(self.health, time.monotonic() - start)
        number = self.asked % len(self.pictures)
        start = time.monotonic()
        if (answer := self.service.predict(self.pictures[number])) != self.expected[number]:
            self.faults.append(f"picture {number} gets {answer[0]} {answer[1][:60]}")
        self.picture = max(self.picture, time.monotonic() - start)
        self.asked += 1

    def look_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            time.sleep(0.1)

    def expect(self, what, got, *expected):
        if got not in expected:
            self.faults.append(f"{what}: expected {expected}, got {got}")

    def broken(self):
        """Every promise that was broken since the start."""
        if self.health > HEALTH_SECONDS:
            self.faults.append(f"health took {self.health:.1f} s")
        if self.picture > PICTURE_SECONDS:
            self.faults.append(f"a picture took {self.picture:.1f} s")
        return self.faults


def opened(service, count, bytes_):
    """`count` connections on each of which `bytes_` were sent; the service may refuse or close some."""
    def send(_):
        try:
            stream = service.connect()
        except OSError:
            return None
        try:
            stream.sendall(bytes_)
        except OSError:
            pass
        return stream

    with ThreadPoolExecutor(16) as pool:
        return [stream for stream in pool.map(send, range(count)) if stream]


def close(streams):
    for stream in streams:
        stream.close()


def garbage(chance):
    """A request that is wrong in one of many ways."""
    line, end = b"POST /v1/predict HTTP/1.1", b"\r\n"
    headers = [b"Host: localhost", b"Connection: close", b"Content-Length: 5"]
    noise = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 60)))
    kind = chance.randrange(12)
    if kind == 0:
        return noise
    if kind == 1:
        line = chance.choice([b"POST /v1/predict", b"GET", b"/ HTTP/1.1", b"POST  /v1/predict HTTP/9.9", noise])
    elif kind == 2:
        headers[2] = b"Content-Length: " + chance.choice([b"-1", b"99999999999999999999", b"5, 6", b"x", b""])
    elif kind == 3:
        headers += [b"Content-Length: 6"]
    elif kind == 4:
        headers += [b"Transfer-Encoding: chunked"]
    elif kind == 5:
        headers[2] = b"Transfer-Encoding: " + chance.choice([b"chunked, identity", b"\x0bchunked", b"gzip"])
    elif kind == 6:
        headers[2] = b"Transfer-Encoding: chunked"
        size = chance.choice([b"FFFFFFFFFFFFFFFF", b"-5", b"5;" + b"a" * 5000, b"zz"])
        return line + end + end.join(headers) + end + end + size + end + b"12345" + end
    elif kind == 7:
        headers[0] = b"Host: " + chance.choice([b"", b"a b", b"[::1", b"localhost:99999", b"a@localhost", noise])
    elif kind == 8:
        headers += [noise]
    elif kind == 9:
        end = chance.choice([b"\n", b"\r", b"\r\r\n", b"\0"])
    elif kind == 10:
        line = b"POST /v1/predict?" + chance.choice([b"top=-1", b"top=1e9", b"path=%ff%00", b"x", b"top=1&top=2"])
        line += b" HTTP/1.1"
    else:
        headers += [b"Content-Type: multipart/form-data" + chance.choice([b"", b"; boundary=", b"; boundary=edge"])]
    return line + end + end.join(headers) + end + end + b"12345"


def malformed(service, watch, options):
    chance = random.Random(options.seed)
    for number in range(300):
        request = garbage(chance)
        answer = service.send(request, 1)
        if status(answer) in (200, 500):
            watch.expect(f"malformed request {request[:60]!r}", status(answer), "4xx")
        if number % 30 == 0:
            watch.look()


def oversize_heads(service, watch, _options):
    long = "X: " + "x" * 100_000
    for headers in [(long,), ["X: x"] * 1000, ("Cookie: " + "c" * 20_000,)]:
        watch.expect("an oversize head", service.get("/health/live", ["Host: localhost", *headers]), 431, 0)
    watch.expect("an oversize target", service.get("/" + "x" * 50_000), 414, 431, 0)
    watch.look()


def other_hosts(service, watch, _options):
    for path in ["/health/live", "/health/ready", "/metrics", "/v1/predict", "/else"]:
        for host in ["evil.example", "localhost.evil.example", "10.9.8.7", "0.0.0.0", "[2001:db8::1]"]:
            watch.expect(f"{path} of {host}", service.get(path, [f"Host: {host}"]), 421)
        watch.expect(f"{path} of nobody", service.get(path, []), 400)
    watch.look()


def other_pages(service, watch, _options):
    host = f"Host: localhost:{service.address[1]}"
    for method in ["GET", "POST", "OPTIONS"]:
        for page in ["http://evil.example", "null", "http://localhost:1", "file://"]:
            got = service.get("/v1/predict", [host, f"Origin: {page}"], method)
            watch.expect(f"{method} by a page of {page}", got, 403)
        watch.expect("another site", service.get("/metrics", [host, "Sec-Fetch-Site: cross-site"], method), 403)
    watch.expect("this service's page", service.get("/metrics", [host, f"Origin: http://{host[6:]}"]), 200)
    watch.look()


def half_heads(count):
    def attack(service, watch, options):
        streams = opened(service, min(count, options.connections), b"GET /health/live HTTP/1.1\r\nHost: local")
        watch.look_for(7)
        close(streams)

    return attack


def idle_connections(service, watch, options):
    streams = opened(service, options.connections, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    watch.look_for(3)
    close(streams)


def stalled_bodies(service, watch, _options):
    length = MEGABYTES << 20
    # Four fill all memory, where that is given to who comes first.
    streams = opened(service, 4, body_head(length) + bytes(length - 1))
    watch.look_for(3)
    streams += opened(service, 8, body_head(length) + bytes(length - 1))
    watch.look_for(8)
    close(streams)


def many_small_bodies(service, watch, options):
    streams = opened(service, options.connections, body_head(1000) + b"x")
    watch.look_for(4)
    close(streams)


def dripping_bodies(service, watch, _options):
    length = MEGABYTES << 20
    streams = opened(service, 16, body_head(length) + bytes(length // 2))
    for _ in range(10):
        watch.look_for(1)
        for stream in streams:
            try:
                stream.sendall(b"x")
            except OSError:
                pass
    close(streams)


def refused_bodies(service, watch, options):
    streams = opened(service, options.connections, b"POST /else HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx")
    watch.look_for(3)
    close(streams)


ATTACKS = [
    ("300 malformed requests", malformed),
    ("oversize heads", oversize_heads),
    ("other hosts", other_hosts),
    ("pages of others", other_pages),
    ("150 half-sent heads", half_heads(150)),
    ("400 half-sent heads", half_heads(400)),
    ("400 idle connections", idle_connections),
    ("4, then 8 stalled bodies", stalled_bodies),
    ("400 small stalled bodies", many_small_bodies),
    ("16 dripping bodies", dripping_bodies),
    ("400 refused, stalled bodies", refused_bodies),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("edgetl", type=Path, help="the program")
    parser.add_argument("--seed", type=int, default=0, help="of the malformed requests [default: 0]")
    parser.add_argument("--connections", type=int, default=400, help="at once, at most [default: 400]")
    return parser.parse_args()


def run(options, folder):
    edgetl = options.edgetl.resolve()
    subprocess.run([edgetl, "demo", "--keep", folder], check=True, stdout=subprocess.DEVNULL, cwd=folder)
    service = Service(edgetl, folder)
    try:
        pictures = sorted((folder / "photos").glob("*/*.png"))[::60]
        watch, broken = Watch(service, [path.read_bytes() for path in pictures]), []
        print(f"{'attack':<29}{'seconds':>8}{'health s':>10}{'picture s':>11}{'asked':>7}  promises", flush=True)
        for name, attack in ATTACKS:
            watch.start()
            start = time.monotonic()
            attack(service, watch, options)
            faults = watch.broken()
            seconds, word = time.monotonic() - start, "broken" if faults else "kept"
            row = f"{name:<29}{seconds:>8.1f}{watch.health:>10.2f}{watch.picture:>11.2f}{watch.asked:>7}  {word}"
            print(row, flush=True)
            broken += [f"{name}: {fault}" for fault in faults]
        print(f"memory at most: {service.memory()} MB")
    finally:
        code = service.end()
    if code != 0:
        broken.append(f"the service ended with {code}")
    print("\n".join(broken[:50]) or "every promise was kept")
    return 1 if broken else 0


def main():
    with tempfile.TemporaryDirectory() as folder:
        return run(arguments(), Path(folder))


if __name__ == "__main__":
    sys.exit(main())
