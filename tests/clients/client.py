#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""client.py HOW WAY NAME: one request, by urllib, http.client, requests, or libcurl as pycurl has it (in Debian: with GnuTLS)."""
import sys

PROXY = "proxy.example.net"
how, way, name = sys.argv[1:]
scheme = "http" if way in ("http", "proxy") else "https"
url = f"{scheme}://{name}/"
via = {"connect": f"http://{PROXY}:3128", "proxy": f"http://{PROXY}:3128"}.get(way)
if way.startswith("socks"):
    via = f"{way}://{PROXY}:1080"


def by_urllib():
    import urllib.request
    handler = urllib.request.ProxyHandler({scheme: via} if via else {})
    urllib.request.build_opener(handler).open(url).read()


def by_http_client():
    import http.client
    kind = http.client.HTTPConnection if scheme == "http" else http.client.HTTPSConnection
    if way == "connect":
        connection = kind(PROXY, 3128)
        connection.set_tunnel(name, 443)
    else:
        connection = kind(name)
    connection.request("GET", "/")
    connection.getresponse().read()


def by_requests():
    import requests
    requests.get(url, proxies={scheme: via} if via else None).raise_for_status()


def by_pycurl():
    import pycurl
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.CAINFO, __import__("os").environ["SSL_CERT_FILE"])
    curl.setopt(pycurl.WRITEFUNCTION, lambda data: None)
    if via:
        curl.setopt(pycurl.PROXY, via)
    curl.perform()
    curl.close()


{"urllib": by_urllib, "http.client": by_http_client, "requests": by_requests, "pycurl": by_pycurl}[how]()
