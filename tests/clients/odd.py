#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""odd.py WHAT NAME: sends what is right, but as hardly anybody sends it."""
import os
import socket
import ssl
import struct
import sys

what, name = sys.argv[1:]


def connect(port, address=None):
    sock = socket.create_connection((address or name, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def hello():
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def send_pieces(sock, data, n):
    for at in range(0, len(data), n):
        sock.sendall(data[at:at + n])


def with_extension(record, kind, data, first=False):
    """A ClientHello with one extension more."""
    body = record[9:]
    at = 34 + 1 + body[34]
    at += 2 + struct.unpack(">H", body[at:at + 2])[0]
    at += 1 + body[at]
    extensions = body[at + 2:]
    extra = struct.pack(">HH", kind, len(data)) + data
    extensions = extra + extensions if first else extensions + extra
    body = body[:at] + struct.pack(">H", len(extensions)) + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


def in_records(record, n):
    message = record[5:]
    pieces = [message[at:at + n] for at in range(0, len(message), n)]
    return b"".join(b"\x16\x03\x01" + struct.pack(">H", len(p)) + p for p in pieces)


def request(host=None, more=""):
    return f"GET /close HTTP/1.1\r\n{more}Host: {host or name}\r\n\r\n".encode()


def finish(sock):
    """The other side has the last word."""
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(65536):
        pass


def hello_in_pieces(n):
    sock = connect(443)
    send_pieces(sock, hello(), n)
    finish(sock)


def say(port, data):
    sock = connect(port)
    sock.sendall(data)
    finish(sock)


def request_in_pieces():
    sock = connect(80)
    send_pieces(sock, request(), 1)
    finish(sock)


def hello_by_child():
    sock = connect(443)
    if os.fork() == 0:
        sock.sendall(hello())
        finish(sock)
        os._exit(0)
    os.wait()


def fast_open():
    sock = socket.socket(socket.AF_INET)
    sock.sendto(request(), socket.MSG_FASTOPEN, (socket.gethostbyname(name), 80))
    finish(sock)


def multipath():
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    sock.connect((socket.gethostbyname(name), 443))
    sock.sendall(hello())
    finish(sock)


def two_names_one_address():
    for other in ("before-" + name, name, "after-" + name):
        address = socket.gethostbyname(other)
    sock = connect(443, address)
    sock.sendall(hello())
    finish(sock)


many = "".join(f"X-{i}: {'x' * 1000}\r\n" for i in range(64))
{
    "hello-bytes": lambda: hello_in_pieces(1),
    "hello-40": lambda: hello_in_pieces(-(-len(hello()) // 40)),
    "hello-records": lambda: say(443, in_records(hello(), 20)),
    "hello-ech": lambda: say(443, with_extension(hello(), 0xfe0d, bytes(200), True)),
    "hello-long": lambda: say(443, with_extension(hello(), 0xfafa, bytes(9000), True)),
    "hello-child": hello_by_child,
    "hello-several": two_names_one_address,
    "hello-multipath": multipath,
    "http-bytes": request_in_pieces,
    "http-64k-first": lambda: say(80, f"GET /close HTTP/1.1\r\nHost: {name}\r\n{many}\r\n".encode()),
    "http-64k-last": lambda: say(80, request(more=many)),
    "http-pipelined": lambda: say(80, f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode() + request(f"other-{name}")),
    "http-fast-open": fast_open,
}[what]()
