#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""matrix.py run|check SCRATCH BUILT [TABLE]: runs the cells of the matrix one after the other, or judges what telltale recorded of them.

run writes `cells` into SCRATCH: for each cell which process it was, how it ended, and what the stand-in server saw meanwhile. check reads
that and `db`, prints "ok" or "not ok" for each cell, and writes TABLE. A cell is right if its processes have rows for as many
connections as the server saw, to the right port, all with the right name from the expected source, with the very bytes.
"""
import json
import platform
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time

from cells import CLIENTS, ODDITIES, PROXY, WAYS

HERE = os.path.dirname(os.path.realpath(__file__))
PYTHON = "/usr/bin/python3"


def missing(client, built):
    """What the client needs and is not here; None: nothing."""
    for need in client.needs:
        kind, _, what = need.rpartition(":")
        there = {"": lambda: shutil.which(what), "built": lambda: os.path.exists(f"{built}/{what}"),
                 "py": lambda: subprocess.run([PYTHON, "-c", f"import {what}"], stderr=subprocess.DEVNULL).returncode == 0}[kind]
        if not there():
            return what
    return None


def name_of(client, way):
    return re.sub(r"[^a-z0-9]+", "-", f"{client.name} {way}".lower()).strip("-") + ".example.com"


# ---- run

def settled(scratch, before):
    """The connections that the server saw since there were `before` lines, all of them over."""
    deadline = time.monotonic() + 20
    while True:
        with open(f"{scratch}/served") as f:
            lines = [json.loads(line) for line in f.readlines()[before:]]
        over = [line for line in lines if "asked" in line]
        if len(over) * 2 == len(lines) or time.monotonic() > deadline:
            return over, before + len(lines)
        time.sleep(0.02)


def run(scratch, built):
    environment = {
        "PATH": os.environ["PATH"], "HOME": scratch, "LC_ALL": "C.UTF-8", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0",
        "GIT_COMMITTER_NAME": "somebody", "GIT_COMMITTER_EMAIL": "somebody@example.com",
        **{name: f"{scratch}/certificate.pem"
           for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE")}}
    done, before = [], 0
    for client in CLIENTS + ODDITIES:
        if missing(client, built):
            continue
        for way, command in client.ways.items():
            name = name_of(client, way)
            command = [part.replace("{name}", name).replace("{here}", HERE).replace("{built}", built).replace("{scratch}", scratch)
                       for part in command]
            with open(f"{scratch}/said/{name}", "w") as said:
                process = subprocess.Popen(command, env=environment, cwd=scratch, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
                try:
                    status = process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    status = process.wait()
            served, before = settled(scratch, before)
            hostname = client.hostname and client.hostname.replace("{host}", name)
            done.append({"client": client.name, "way": way, "name": name, "hostname": hostname, "pid": process.pid,
                         "status": status, "served": served})
    with open(f"{scratch}/cells", "w") as f:
        json.dump(done, f)


# ---- check

# This run's own session: agents that happen to run meanwhile have others.
OWN = "SELECT session_id FROM process WHERE argv LIKE '%matrix.py%run%'"
CONNECTIONS = """
WITH RECURSIVE tree(process_id) AS (
	SELECT p.process_id FROM process p JOIN session s USING (session_id)
	WHERE p.pid = ? AND p.parent_process_id IN (SELECT process_id FROM process WHERE argv LIKE '%matrix.py%run%')
	UNION SELECT p.process_id FROM process p JOIN tree ON p.parent_process_id = tree.process_id)
SELECT c.*, p.exe FROM connection c JOIN tree USING (process_id) JOIN process p USING (process_id)
WHERE c.family <> 'unix' AND c.count > 0 AND coalesce(c.port, 0) NOT IN (0, 53)"""


def judge(client, cell, rows):
    """What is wrong with a cell; and what its place in the table says."""
    way, served = cell["way"], [line for line in cell["served"] if line["port"] != 53]
    # UDP sockets that are connected and send nothing are how C libraries learn which address they would use
    own = [r for r in rows if r["protocol"] == client.protocol and r["state"] in ("established", "sent")]
    # a connection in a child's hands is a row of the child's as well, which has what the child sent and said
    hands = own + [r for r in rows if r["protocol"] == client.protocol and r["state"] == "inherited"]
    said = [r for r in hands if r["bytes_sent"]] or own
    wrong = []

    def expect(what, expected, got):
        if expected != got:
            wrong.append(f"{what}: {got}, expected {expected}")

    expect("exit status", client.statuses.get(way, 0), cell["status"])
    hostname = cell["hostname"]
    expect("names", {hostname}, {r["hostname"] for r in rows if r["protocol"] == "tcp" or r["state"] != "connected"})
    expect("ports", {client.port(way)}, {r["port"] for r in own})
    expect("source", {(client.source(way), "high" if hostname else None)}, {(r["hostname_source"], r["hostname_confidence"]) for r in said})
    if client.protocol == "tcp":
        expect("connections", len(served), sum(r["count"] for r in own))
        expect("bytes sent", sum(s["received"] for s in served), sum(r["bytes_sent"] or 0 for r in hands))
        expect("bytes received", sum(s["sent"] for s in served), sum(r["bytes_received"] or 0 for r in hands))
    words = {f"{r['hostname_source']}, {r['hostname_confidence']}" if r["hostname"] else "unknown" for r in said}
    return wrong, "<br>".join(sorted(words))


def write_table(path, found, absent):
    with open(path, "w") as f:
        f.write("| client | " + " | ".join(words for words, _, _ in WAYS.values()) + " |\n")
        f.write("|---|" + "---|" * len(WAYS) + "\n")
        for client in CLIENTS:
            cells = ["not tried" if client.name in absent and way in client.ways else found.get((client.name, way), "-") for way in WAYS]
            f.write(f"| {client.name} | " + " | ".join(cells) + " |\n")
        f.write("\n| what is odd | source, confidence | name |\n|---|---|---|\n")
        for odd in ODDITIES:
            words = "not tried" if odd.name in absent else found[odd.name, "odd"]
            f.write(f"| {odd.name} | {words} | {(odd.hostname or '-').replace('{host}', 'as asked for')} |\n")


def check(scratch, built, table):
    with open(f"{scratch}/cells") as f:
        cells = json.load(f)
    db = sqlite3.connect(f"file:{scratch}/db?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    clients = {client.name: client for client in CLIENTS + ODDITIES}
    absent = {client.name: what for client in CLIENTS + ODDITIES if (what := missing(client, built))}
    found, failed, expected = {}, 0, {PROXY}
    for cell in cells:
        rows = db.execute(CONNECTIONS, (cell["pid"],)).fetchall()
        expected |= {cell["name"], cell["hostname"]}
        wrong, words = judge(clients[cell["client"]], cell, rows)
        found[cell["client"], cell["way"]] = words if not wrong else f"**wrong** {words}"
        print(f"{'not ok' if wrong else 'ok'} - {cell['client']}, {cell['way']}: {words}")
        for line in wrong:
            print(f"#   {line}")
        for row in rows if wrong else []:
            print("#   row: " + " ".join(f"{k}={row[k]}" for k in row.keys() if row[k] is not None and k not in (
                "process_id", "direction", "row_id", "revision", "first_ns", "last_ns", "category", "duration_ns")))
        for line in cell["served"] if wrong else []:
            print(f"#   served: {line}")
        failed += bool(wrong)
    others = [tuple(r) for r in db.execute("SELECT row_id, exe, hostname, address, port FROM connection JOIN process USING (process_id) "
                                           f"WHERE hostname IS NOT NULL AND count > 0 AND session_id IN ({OWN})")
              # what this machine calls itself is no wrong name of it: the name server is here
              if r["hostname"] not in expected | ({platform.node(), "localhost"} if r["address"] in ("127.0.0.1", "::1") else set())]
    print(f"{'not ok' if others else 'ok'} - no other name anywhere")
    for row in others:
        print(f"#   {row}")
    asked = {name for name, in db.execute(f"SELECT DISTINCT name FROM name_lookup JOIN process USING (process_id) WHERE session_id IN ({OWN})")
             if name not in expected | {platform.node()} and not any(name.endswith("-" + one) for one in expected if one)}
    print(f"{'not ok' if asked else 'ok'} - no other question")
    for name in asked:
        print(f"#   {name}")
    lost = [tuple(r) for r in db.execute("SELECT sensor, kind, count FROM loss WHERE kind <> 'missed_runs' "
                                        f"AND (session_id IS NULL OR session_id IN ({OWN}))")]
    print(f"{'not ok' if lost else 'ok'} - nothing was lost")
    for row in lost:
        print(f"#   {row}")
    for name, what in absent.items():
        print(f"ok - {name} # SKIP skip-ok: not tried, there is no {what}")
    write_table(table, found, absent)
    return 1 if failed or others or asked or lost else 0


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(*sys.argv[2:4])
    else:
        sys.exit(check(*sys.argv[2:5]))
