#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whom the stand-in clients talk to: a name server, HTTP and TLS servers, an HTTP and a SOCKS proxy, something like SSH.

server.py SCRATCH: takes certificate.pem, key.pem and repo.git from there, makes `ready` when everything listens, and appends a line
of JSON to `served` for each connection that begins, and one for each that is over: where it came in, the client's port, what it
carried as counted here, and whom it asked for. Ends with its standard input.

All names under example.com are aliases of one host: an address says nothing about the name here. Behind a proxy there is no second
connection: it hands what comes out of the tunnel to the server that the client asked for.
"""
import json
import os
import socket
import ssl
import struct
import sys
import threading

HOST4, HOST6 = "198.51.100.10", "2001:db8::10"
PROXY4 = "198.51.100.20"
ADDRESSES = {"cdn.example.net": (HOST4, HOST6), "proxy.example.net": (PROXY4, None)}
ALIAS = "cdn.example.net"
USER, PASSWORD = b"somebody", b"secret"

scratch = sys.argv[1]
log_lock = threading.Lock()


# ---- the name server

def packed(name):
    return b"".join(bytes([len(p)]) + p for p in name.encode().split(b".")) + b"\0"


def dns_answer(question):
    at, labels = 12, []
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]])
        at += 1 + question[at]
    end = at + 5
    qtype = struct.unpack(">H", question[at + 1:at + 3])[0]
    name = b".".join(labels).lower().decode("ascii", "replace")
    records = []

    def record(owner, kind, data):
        records.append(owner + struct.pack(">HHIH", kind, 1, 300, len(data)) + data)

    host, owner, known = name, b"\xc0\x0c", name in ADDRESSES
    if name.endswith(".example.com"):
        host, owner, known = ALIAS, packed(ALIAS), True
        record(b"\xc0\x0c", 5, owner)
    v4, v6 = ADDRESSES.get(host, (None, None))
    if qtype == 1 and v4:
        record(owner, 1, socket.inet_pton(socket.AF_INET, v4))
    if qtype == 28 and v6:
        record(owner, 28, socket.inet_pton(socket.AF_INET6, v6))
    return (question[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, len(records), 0, 0) +
            question[12:end] + b"".join(records))


def serve_dns(sock):
    while True:
        question, peer = sock.recvfrom(4096)
        try:
            sock.sendto(dns_answer(question), peer)
        except (IndexError, struct.error):
            pass


def dns_over_tcp(sock, asked):
    with sock:
        stream = sock.makefile("rb")
        while len(head := stream.read(2)) == 2:
            answer = dns_answer(stream.read(struct.unpack(">H", head)[0]))
            sock.sendall(struct.pack(">H", len(answer)) + answer)


# ---- servers: each has a stream, and a list to put the names in that it is asked for

def read_head(stream):
    lines = []
    while (line := stream.readline()) not in (b"", b"\n", b"\r\n"):
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    return lines


def field(lines, name):
    for line in lines[1:]:
        key, _, value = line.partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def file_body(path):
    """What a repository is cloned from, without a program at this end."""
    root = os.path.realpath(os.path.join(scratch, "repo.git"))
    found = os.path.realpath(os.path.join(scratch, path.split("?")[0].lstrip("/")))
    if not found.startswith(root + "/") or not os.path.isfile(found):
        return None
    with open(found, "rb") as f:
        return f.read()


def http_server(sock, asked):
    """True: it ends the connection, instead of the client."""
    stream = sock.makefile("rb")
    while lines := read_head(stream):
        path = lines[0].split(" ")[1]
        asked.append(field(lines, "host"))
        stream.read(int(field(lines, "content-length") or 0))
        body, status = b"ok\n" * 1000, "200 OK"
        if "/repo.git/" in path:
            body = file_body(path[path.index("/repo.git/"):])
            if body is None:
                body, status = b"", "404 Not Found"
        # the client ends first, so that all that is sent here arrives; with /close it waits for us instead
        close = path.endswith("/close")
        sock.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nContent-Type: text/plain\r\n"
                     f"{'Connection: close' + chr(13) + chr(10) if close else ''}\r\n".encode() + body)
        if close:
            return True
    return False


def http2_server(sock, asked):
    """Says "ok" to each request, whatever it is."""
    stream = sock.makefile("rb")

    def frame(kind, flags, number, data=b""):
        sock.sendall(len(data).to_bytes(3, "big") + bytes([kind, flags]) + number.to_bytes(4, "big") + data)

    stream.read(24)
    frame(4, 0, 0)
    while len(head := stream.read(9)) == 9:
        kind, flags, number = head[3], head[4], int.from_bytes(head[5:], "big")
        data = stream.read(int.from_bytes(head[:3], "big"))
        if kind == 4 and not flags & 1:
            frame(4, 1, 0)
        elif kind == 6 and not flags & 1:
            frame(6, 1, 0, data)
        elif kind in (0, 1) and flags & 1:
            frame(1, 4, number, b"\x88")
            frame(0, 1, number, b"ok\n")


def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{scratch}/certificate.pem", f"{scratch}/key.pem")
    return context


def tls_server(sock, asked):
    context = server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.sni_callback = lambda _, name, __: asked.append(name)
    with context.wrap_socket(sock, server_side=True) as tls:
        if tls.selected_alpn_protocol() == "h2":
            http2_server(tls, [])
        elif http_server(tls, []):
            tls.settimeout(2)
            tls.unwrap()


def ssh_server(sock, asked):
    sock.sendall(b"SSH-2.0-standin\r\n")
    sock.makefile("rb").readline()


def echo_server(sock, asked):
    while data := sock.recv(65536):
        sock.sendall(data)


SERVERS = {7: echo_server, 22: ssh_server, 80: http_server, 443: tls_server, 8080: http2_server, 53: dns_over_tcp}


def recv_until(sock, end):
    """Byte by byte: what follows belongs to somebody else."""
    data = b""
    while not data.endswith(end):
        byte = sock.recv(1)
        if not byte:
            raise EOFError
        data += byte
    return data


def recv_exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def http_proxy(sock, asked, needs_password=False):
    while True:
        head = recv_until(sock, b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")[:-2]
        method, target = lines[0].split(" ")[:2]
        asked.append(target)
        if needs_password and not field(lines, "proxy-authorization"):
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n"
                         b"Content-Length: 0\r\n\r\n")
            continue
        if method == "CONNECT":
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            SERVERS[int(target.rsplit(":", 1)[1])](sock, [])
            return
        body = b"ok\n" * 1000
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def http_proxy_with_password(sock, asked):
    http_proxy(sock, asked, True)


def http_proxy_by_tls(sock, asked):
    with server_context().wrap_socket(sock, server_side=True) as tls:
        http_proxy(tls, asked)


def http_proxy_that_refuses(sock, asked):
    asked.append(recv_until(sock, b"\r\n\r\n").decode("latin-1").split(" ")[1])
    sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def socks_proxy(sock, asked, needs_password=False):
    version = recv_exactly(sock, 1)[0]
    if version == 4:
        port, address = struct.unpack(">xH4s", recv_exactly(sock, 7))
        recv_until(sock, b"\0")
        host = socket.inet_ntoa(address)
        if address[:3] == b"\0\0\0" and address[3]:
            host = recv_until(sock, b"\0")[:-1].decode("latin-1")
        asked.append(f"{host}:{port}")
        sock.sendall(b"\0\x5a" + bytes(6))
    else:
        methods = recv_exactly(sock, recv_exactly(sock, 1)[0])
        sock.sendall(b"\5\2" if needs_password and 2 in methods else b"\5\0")
        if needs_password and 2 in methods:
            recv_exactly(sock, 1)
            user = recv_exactly(sock, recv_exactly(sock, 1)[0])
            password = recv_exactly(sock, recv_exactly(sock, 1)[0])
            sock.sendall(b"\1\0" if (user, password) == (USER, PASSWORD) else b"\1\1")
        kind = recv_exactly(sock, 4)[3]
        if kind == 3:
            host = recv_exactly(sock, recv_exactly(sock, 1)[0]).decode("latin-1")
        else:
            family, size = ((socket.AF_INET, 4), (socket.AF_INET6, 16))[kind == 4]
            host = socket.inet_ntop(family, recv_exactly(sock, size))
        port = struct.unpack(">H", recv_exactly(sock, 2))[0]
        asked.append(f"{host}:{port}")
        sock.sendall(b"\5\0\0\1" + bytes(6))
    SERVERS[port](sock, [])


def socks_proxy_with_password(sock, asked):
    socks_proxy(sock, asked, True)


# ---- what counts: bytes are counted between the network and the server, so that nothing of TLS is left out

def note(line):
    with log_lock, open(f"{scratch}/served", "a") as f:
        f.write(json.dumps(line) + "\n")


def serve_one(conn, local, handler):
    inside, server_end = socket.socketpair()
    asked, count = [], {"received": 0, "sent": 0}
    peer = conn.getpeername()
    note({"peer_port": peer[1]})

    def serve():
        try:
            handler(server_end, asked)
        except (OSError, EOFError, ValueError, IndexError, KeyError) as e:
            asked.append(f"({e})")
        try:
            server_end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        server_end.close()

    def down():
        while True:
            try:
                data = inside.recv(65536)
                if not data:
                    break
                conn.sendall(data)
                count["sent"] += len(data)
            except OSError:
                break
        try:
            conn.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    threads = [threading.Thread(target=t) for t in (serve, down)]
    for t in threads:
        t.start()
    while True:
        try:
            data = conn.recv(65536)
        except OSError:
            break
        if not data:
            break
        count["received"] += len(data)
        try:
            inside.sendall(data)
        except OSError:
            pass  # nobody wants it: it was carried nevertheless
    try:
        inside.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    for t in threads:
        t.join()
    inside.close()
    conn.close()
    note({"address": local[0], "port": local[1], "peer_port": peer[1], "asked": asked, **count})


def listen(address, port, handler):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family, backlog=64)

    def accept():
        while True:
            conn, _ = listener.accept()
            threading.Thread(target=serve_one, args=(conn, (address, port), handler), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def main():
    dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    dns.bind(("127.0.0.1", 53))
    threading.Thread(target=serve_dns, args=(dns,), daemon=True).start()
    listen("127.0.0.1", 53, dns_over_tcp)
    for address in (HOST4, HOST6):
        for port, handler in SERVERS.items():
            if port != 53:
                listen(address, port, handler)
    listen(PROXY4, 3128, http_proxy)
    listen(PROXY4, 3129, http_proxy_with_password)
    listen(PROXY4, 3130, http_proxy_that_refuses)
    listen(PROXY4, 3131, http_proxy_by_tls)
    listen(PROXY4, 1080, socks_proxy)
    listen(PROXY4, 1081, socks_proxy_with_password)
    for name in ("served", "ready"):
        open(f"{scratch}/{name}", "w").close()
    sys.stdin.read()


main()
