"""As much of an MQTT 3.1.1 client as the harnesses need: it subscribes, hears, and acknowledges."""

import socket
import struct


class Client:
    def __init__(self, port, name, user, password, topics=("#",)):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        body = text("MQTT") + bytes([4, 0xC2]) + struct.pack(">H", 0) + text(name) + text(user) + text(password)
        self.socket.sendall(b"\x10" + length(len(body)) + body)
        kind, body = self.packet()
        if kind != 0x20 or body[1] != 0:
            raise ConnectionError(f"the broker refuses: {body!r}")
        body = struct.pack(">H", 1) + b"".join(text(topic) + b"\x01" for topic in topics)
        self.socket.sendall(b"\x82" + length(len(body)) + body)
        self.waiting = []
        while (packet := self.packet())[0] & 0xF0 != 0x90:
            self.waiting.append(packet)
        self.socket.settimeout(None)

    def packet(self):
        kind = self.read(1)[0]
        size, shift = 0, 0
        while True:
            byte = self.read(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return kind, self.read(size)

    def read(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionError("the broker is gone")
            data += piece
        return data

    def message(self):
        """The next: (topic, payload, whether it was retained)."""
        while True:
            kind, body = self.waiting.pop(0) if self.waiting else self.packet()
            if kind & 0xF0 != 0x30:
                continue
            end = 2 + struct.unpack(">H", body[:2])[0]
            topic, rest = body[2:end].decode(), body[end:]
            if kind & 6:
                self.socket.sendall(b"\x40\x02" + rest[:2])
                rest = rest[2:]
            return topic, rest, bool(kind & 1)


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def length(size):
    data = b""
    while True:
        size, byte = divmod(size, 128)
        data += bytes([byte | (128 if size else 0)])
        if not size:
            return data
