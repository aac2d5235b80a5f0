# SPDX-License-Identifier: Apache-2.0
"""The matrix: clients, and the ways in which each can reach somebody.

A way is a command line; {name} is whom it shall reach, {here} this directory, {built} what was built of it, {scratch} the run's own
directory. WAYS says by what the name is to be found; a client may have other ports and sources.
"""
from dataclasses import dataclass, field

PROXY = "proxy.example.net"

# way: (words, port that is connected to, source of the name)
WAYS = {
    "https": ("direct, TLS", 443, "sni"),
    "http": ("direct, HTTP", 80, "http-host"),
    "tcp": ("direct, anything else", 7, "dns"),
    "connect": ("HTTP proxy, CONNECT", 3128, "http-connect"),
    "proxy": ("HTTP proxy, plain", 3128, "http-proxy"),
    "socks5h": ("SOCKS5, names", 1080, "socks"),
    "socks4a": ("SOCKS4a", 1080, "socks"),
    "socks5": ("SOCKS5, addresses", 1080, "sni"),
    "socks4": ("SOCKS4, addresses", 1080, "sni"),
}


@dataclass
class Client:
    name: str
    needs: list  # commands, "py:" and a module of Python's, "built:" and a file that clients.sh builds
    ways: dict  # way: command line
    ports: dict = field(default_factory=dict)  # where they differ from those in WAYS
    sources: dict = field(default_factory=dict)
    statuses: dict = field(default_factory=dict)  # exit statuses that are not 0
    protocol: str = "tcp"
    hostname: str = "{host}"  # the name to be found: {host} is the cell's; None: none

    def port(self, way):
        return self.ports.get(way) or WAYS[way][1]

    def source(self, way):
        return self.sources[way] if way in self.sources else WAYS[way][2]


def each(command, *ways):
    return {way: [part.replace("{way}", way) for part in command] for way in ways}


CURL = ["curl", "-sS", "-o", "/dev/null"]
GIT = ["git", "-c", "http.version=HTTP/1.1"]  # the stand-in has no repository for HTTP/2
PYTHON = ["/usr/bin/python3", "-B", "{here}/client.py"]
JAVA = ["java", "-Djavax.net.ssl.trustStore={scratch}/trust", "-Djavax.net.ssl.trustStorePassword=stand-in", "-cp", "{built}", "Client"]
NODE = ["node", "{here}/node.mjs"]

CLIENTS = [
    Client("curl (OpenSSL)", ["curl"], {
        "https": CURL + ["https://{name}/"],
        "http": CURL + ["http://{name}/"],
        "tcp": CURL + ["telnet://{name}:7", "-T", "{here}/server.py", "-m", "1"],
        "connect": CURL + ["-x", f"http://{PROXY}:3128", "https://{name}/"],
        "proxy": CURL + ["-x", f"http://{PROXY}:3128", "http://{name}/"],
        **{way: CURL + ["-x", f"{way}://{PROXY}:1080", "https://{name}/"] for way in ("socks5h", "socks4a", "socks5", "socks4")},
    }, statuses={"tcp": 28}),
    Client("libcurl (GnuTLS), by pycurl", ["py:pycurl"],
           each(PYTHON + ["pycurl", "{way}", "{name}"], "https", "http", "connect", "proxy", "socks5h", "socks4a", "socks5", "socks4")),
    Client("wget", ["wget"], {
        "https": ["wget", "-qO", "/dev/null", "--ca-certificate={scratch}/certificate.pem", "https://{name}/"],
        "http": ["wget", "-qO", "/dev/null", "http://{name}/"],
        "connect": ["wget", "-qO", "/dev/null", "--ca-certificate={scratch}/certificate.pem", "-e", f"https_proxy=http://{PROXY}:3128",
                    "https://{name}/"],
        "proxy": ["wget", "-qO", "/dev/null", "-e", f"http_proxy=http://{PROXY}:3128", "http://{name}/"],
    }),
    Client("git clone", ["git"], {
        "https": GIT + ["clone", "-q", "https://{name}/repo.git", "{scratch}/clone-https"],
        "http": GIT + ["clone", "-q", "http://{name}/repo.git", "{scratch}/clone-http"],
        "connect": GIT + ["-c", f"http.proxy=http://{PROXY}:3128", "clone", "-q", "https://{name}/repo.git", "{scratch}/clone-connect"],
        "socks5h": GIT + ["-c", f"http.proxy=socks5h://{PROXY}:1080", "clone", "-q", "https://{name}/repo.git",
                    "{scratch}/clone-socks5h"],
        "socks4a": GIT + ["-c", f"http.proxy=socks4a://{PROXY}:1080", "clone", "-q", "https://{name}/repo.git",
                    "{scratch}/clone-socks4a"],
        "tcp": GIT + ["clone", "-q", "ssh://somebody@{name}/repo.git", "{scratch}/clone-ssh"],
    }, ports={"tcp": 22}, statuses={"tcp": 128}),
    Client("node http, https", ["node"],
           each(NODE + ["http", "{way}", "{name}"], "https", "http", "connect", "proxy", "socks5h", "socks4a")),
    Client("node fetch (undici)", ["node"], each(NODE + ["fetch", "{way}", "{name}"], "https", "http")),
    Client("node http2", ["node"], each(NODE + ["http2", "{way}", "{name}"], "https")),
    Client("node net, dns (c-ares)", ["node"], each(NODE + ["net", "{way}", "{name}"], "tcp")),
    Client("Python urllib", ["py:ssl"], each(PYTHON + ["urllib", "{way}", "{name}"], "https", "http", "connect", "proxy")),
    Client("Python http.client", ["py:ssl"], each(PYTHON + ["http.client", "{way}", "{name}"], "https", "http", "connect")),
    Client("Python requests", ["py:requests"], each(PYTHON + ["requests", "{way}", "{name}"], "https", "http", "connect", "proxy")),
    Client("Python requests, PySocks", ["py:requests", "py:socks"],
           each(PYTHON + ["requests", "{way}", "{name}"], "socks5h", "socks5", "socks4a", "socks4")),
    Client("Go net/http, static", ["built:go-static"],
           each(["{built}/go-static", "{way}", "{name}"], "https", "http", "connect", "proxy", "socks5h")),
    Client("Go net/http, C resolver", ["built:go-cgo"],
           each(["env", "GODEBUG=netdns=cgo", "{built}/go-cgo", "{way}", "{name}"], "https", "http", "connect", "proxy", "socks5h")),
    Client("Java java.net.http, Socket", ["java", "built:Client.class"],
           each(JAVA + ["{way}", "{name}"], "https", "http", "connect", "proxy", "socks5h")),
    Client("C, static, musl", ["built:musl"],
           each(["{built}/musl", "{way}", "{name}"], "http", "tcp", "connect", "socks5h", "socks4a")),
    Client("busybox wget, static", ["busybox"], {
        "http": ["busybox", "wget", "-qO", "/dev/null", "http://{name}/close"],
        "proxy": ["env", f"http_proxy=http://{PROXY}:3128", "busybox", "wget", "-qO", "/dev/null", "http://{name}/close"],
    }),
    Client("openssl s_client", ["openssl"], {
        "https": ["sh", "-c", "printf 'GET /close HTTP/1.0\\r\\n\\r\\n' | exec openssl s_client -quiet -ign_eof -connect {name}:443"],
        "connect": ["sh", "-c", "printf 'GET /close HTTP/1.0\\r\\n\\r\\n' | exec openssl s_client -quiet -ign_eof "
                    f"-proxy {PROXY}:3128 -connect {{name}}:443"],
    }),
    Client("openssl s_client, no SNI", ["openssl"], {
        "https": ["sh", "-c", "printf 'GET /close HTTP/1.0\\r\\n\\r\\n' | "
                  "exec openssl s_client -quiet -ign_eof -noservername -connect {name}:443"],
    }, sources={"https": "dns"}),
    Client("gnutls-cli", ["gnutls-cli"], {
        "https": ["sh", "-c", "printf 'GET /close HTTP/1.0\\r\\n\\r\\n' | "
                  "exec gnutls-cli --x509cafile={scratch}/certificate.pem {name}"],
    }),
    Client("ssh", ["ssh"], {
        "tcp": ["ssh", "-F", "none", "somebody@{name}"],
        "connect": ["ssh", "-F", "none", "-o", f"ProxyCommand=socat - PROXY:{PROXY}:%h:%p,proxyport=3128", "somebody@{name}"],
        "socks4a": ["ssh", "-F", "none", "-o", f"ProxyCommand=socat - SOCKS4A:{PROXY}:%h:%p", "somebody@{name}"],
    }, ports={"tcp": 22}, statuses={"tcp": 255, "connect": 255, "socks4a": 255}),
    Client("bash, /dev/tcp", ["bash"], {
        "tcp": ["bash", "-c", "exec 3<>/dev/tcp/{name}/7; echo hello >&3; read -r -u 3"],
    }),
    Client("HTTP/3 (ngtcp2)", ["gtlsclient", "gtlsserver"], {
        "https": ["gtlsclient", "-q", "--exit-on-all-streams-close", "{name}", "443", "https://{name}/"],
    }, protocol="udp"),
]


def odd(name, command, port, source, hostname="{host}", status=0, needs=()):
    """Somebody with one way only."""
    return Client(name, needs, {"odd": command}, {"odd": port}, {"odd": source}, {"odd": status}, hostname=hostname)


ODD = ["/usr/bin/python3", "-B", "{here}/odd.py"]
TLS_PROXY = CURL + ["--proxy-cacert", "{scratch}/certificate.pem", "-x", f"https://{PROXY}:3131"]

ODDITIES = [
    odd("ClientHello, a byte at a time", ODD + ["hello-bytes", "{name}"], 443, "sni"),
    odd("ClientHello in 40 writes", ODD + ["hello-40", "{name}"], 443, "sni"),
    odd("ClientHello in records of 20 bytes", ODD + ["hello-records", "{name}"], 443, "sni"),
    odd("ClientHello with encrypted_client_hello", ODD + ["hello-ech", "{name}"], 443, "sni"),
    odd("ClientHello whose name is behind 9,000 bytes", ODD + ["hello-long", "{name}"], 443, "dns"),
    odd("ClientHello sent by a child", ODD + ["hello-child", "{name}"], 443, "sni"),
    odd("ClientHello, three names of one address resolved", ODD + ["hello-several", "{name}"], 443, "sni"),
    odd("HTTP, a byte at a time", ODD + ["http-bytes", "{name}"], 80, "http-host"),
    odd("HTTP, 64 KiB of fields behind Host", ODD + ["http-64k-first", "{name}"], 80, "http-host"),
    odd("HTTP, 64 KiB of fields before Host", ODD + ["http-64k-last", "{name}"], 80, "dns"),
    odd("HTTP, two hosts in one connection, pipelined", ODD + ["http-pipelined", "{name}"], 80, "http-host"),
    odd("HTTP, TCP Fast Open", ODD + ["http-fast-open", "{name}"], 80, "http-host"),
    odd("HTTP/2 without TLS", CURL + ["--http2-prior-knowledge", "http://{name}:8080/"], 8080, "dns", needs=["curl"]),
    odd("ClientHello, Multipath TCP", ODD + ["hello-multipath", "{name}"], 443, "dns"),
    odd("resolved over TCP", ["env", "RES_OPTIONS=use-vc", "bash", "-c", "exec 3<>/dev/tcp/{name}/7; echo hello >&3; read -r -u 3"], 7, "dns"),
    odd("proxy that wants a password", CURL + ["--proxy-anyauth", "-x", f"http://somebody:secret@{PROXY}:3129", "https://{name}/"], 3129,
        "http-connect", needs=["curl"]),
    odd("proxy that refuses", CURL + ["-x", f"http://{PROXY}:3130", "https://{name}/"], 3130, "http-connect", status=56, needs=["curl"]),
    odd("proxy that is spoken to by TLS", TLS_PROXY + ["http://{name}/"], 3131, "sni", hostname=PROXY, needs=["curl"]),
    odd("SOCKS5, user and password", CURL + ["-x", f"socks5h://somebody:secret@{PROXY}:1081", "https://{name}/"], 1081, "socks",
        needs=["curl"]),
    odd("proxychains", ["proxychains4", "-q", "-f", "{scratch}/proxychains.conf"] + CURL + ["https://{name}/"], 1080, "socks",
        needs=["proxychains4", "curl"]),
    odd("upper case", CURL + ["https://UPPER-{name}/"], 443, "sni", "upper-{host}", needs=["curl"]),
    odd("dot at the end", CURL + ["https://{name}./"], 443, "sni", needs=["curl"]),
    odd("dot at the end, HTTP", CURL + ["http://{name}./"], 80, "http-host", needs=["curl"]),
    odd("international name", CURL + ["https://b\u00fccher-{name}/"], 443, "sni", "xn--bcher-international-name-odd-16c.example.com", needs=["curl"]),
    odd("IPv4 address", CURL + ["-k", "https://198.51.100.10/"], 443, None, None, needs=["curl"]),
    odd("IPv6 address", CURL + ["-k", "https://[2001:db8::10]/"], 443, None, None, needs=["curl"]),
    odd("IPv6 address, HTTP", CURL + ["http://[2001:db8::10]/"], 80, None, None, needs=["curl"]),
    odd("IPv4 address behind a proxy", CURL + ["-k", "-x", f"http://{PROXY}:3128", "https://198.51.100.10/"], 3128, "http-connect",
        "198.51.100.10", needs=["curl"]),
]
