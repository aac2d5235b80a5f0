#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs real agents in the lab under telltale and strace at once, and compares the two records of one run.

Two runs of one agent differ by about a percent, so a recording is not held against another run's truth: strace
runs below telltale, and what strace itself did is left out of telltale's record. Fails when recall of distinct
successful opens, readlinks, execs or connects is below 99 %, when telltale has any that strace has not, when less than 99 % of the connections that leave the machine have their
name, the names are not those that the lab's name server, servers and proxy saw, as often and of the same processes, when the record
is not complete, or when agent, version or the ways in which the time zone was looked up are wrong.
"""
import argparse
import json
import os
import sqlite3
import sys
from collections import Counter
from pathlib import Path

LAB = Path(os.environ["TELLTALE_LAB_DIR"]).resolve()
sys.dont_write_bytecode = True
sys.path.insert(0, str(LAB))
import lab as lab_module  # noqa: E402
import truth  # noqa: E402

TELLTALE = os.environ["TELLTALE"]
RECALL = 0.99
KINDS = ("open", "readlink", "exec", "connection")

# (agent, the lab's options, definition id, ways of learning the zone that must be there)
CASES = [
    ("gemini", {}, "gemini-cli", {("localtime", "Etc/UTC"), ("readlink", "Etc/UTC")}),
    ("gemini", {"tz": "Asia/Tokyo", "tool": True}, "gemini-cli", {("zoneinfo", "Asia/Tokyo"), ("TZ (exec)", "Asia/Tokyo")}),
    ("gemini", {"proxy": True}, "gemini-cli", {("localtime", "Etc/UTC"), ("readlink", "Etc/UTC")}),
    ("opencode", {}, "opencode", {("localtime", "Etc/UTC"), ("readlink", "Etc/UTC")}),
    ("opencode", {"tz": "Asia/Tokyo", "tool": True}, "opencode", {("zoneinfo", "Asia/Tokyo"), ("TZ (exec)", "Asia/Tokyo")}),
    ("opencode", {"proxy": True}, "opencode", {("localtime", "Etc/UTC"), ("readlink", "Etc/UTC")}),
]


def local_zone():
    """The zone that /etc/localtime names here: expectations are written for UTC machines."""
    return os.path.realpath("/etc/localtime").split("/zoneinfo/")[-1]


def without_strace(database, target):
    """A copy of the views that the comparison reads, less the rows of the strace processes."""
    source = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    source.text_factory = bytes
    text = lambda v: v.decode("utf-8", "replace") if isinstance(v, bytes) else v
    strace = {r[0] for r in source.execute("SELECT DISTINCT process_id FROM process_exec WHERE exe LIKE '%/strace'")}
    # strace's children execute the observed command: only processes that never became anything else are its own
    others = {r[0] for r in source.execute(
        "SELECT DISTINCT process_id FROM process_exec WHERE exe NOT LIKE '%/strace' AND result = 0")}
    own = strace - others
    copy = sqlite3.connect(target)
    for view in ("file_access", "connection", "process_exec", "process", "name_lookup", "env_lookup"):
        columns = [text(c[1]) for c in source.execute(f"PRAGMA table_info({view})")]
        copy.execute(f"CREATE TABLE {view} ({', '.join(columns)})")
        rows = [tuple(map(text, r)) for r in source.execute(f"SELECT * FROM {view}")]
        at = columns.index("process_id")
        marks = ", ".join("?" * len(columns))
        copy.executemany(f"INSERT INTO {view} VALUES ({marks})",
                         [r for r in rows if r[at] not in {text(o) for o in own}])
    copy.commit()
    copy.close()


SERVERS, PROXY = "127.0.0.2", 8802  # the lab's: what every name resolves to, and the port of its proxy
OUTWARD = f"c.family <> 'unix' AND c.count > 0 AND (c.address = '{SERVERS}' OR c.port = {PROXY})"


def check_names(db, summary, strace):
    """What is wrong with the names that telltale gave, and words on how many there were."""
    problems = []
    rows = db.execute(f"""SELECT c.hostname, sum(c.count), p.pid, c.address, c.port FROM connection c JOIN process p USING (process_id)
                          WHERE {OUTWARD} GROUP BY 1, 3, 4, 5""").fetchall()
    given = truth.tally(Counter({name: sum(r[1] for r in rows if r[0] == name) for name in {r[0] for r in rows} - {None}}))
    servers = truth.tally(Counter(summary["sni"]))
    targets = truth.tally(Counter({t.rsplit(":", 1)[0]: n for t, n in summary["proxy_connect"].items()}))
    total, named = sum(r[1] for r in rows), sum(given.values())
    if total and named < RECALL * total:
        problems.append(f"names: {named} of {total} connections have one")
    if given != (targets or servers):
        problems.append(f"names: {given}, expected {targets or servers}")
    if not set(servers) <= set(given):
        problems.append(f"names: of the servers {sorted(set(servers) - set(given))} are missing")
    asked = set(truth.tally(Counter(n for n, in db.execute("SELECT name FROM name_lookup WHERE source = 'dns'"))))
    if asked != set(summary["dns"]):
        problems.append(f"names asked for: {sorted(asked)}, expected {sorted(summary['dns'])}")
    pids = {pid for key, by in strace["connects"].items() for pid in by
            if key[0] == "inet" and (key[1] == SERVERS or str(key[2]) == str(PROXY)) and str(key[2]) != "0"}
    if pids != {r[2] for r in rows}:
        problems.append(f"names: of processes {sorted({r[2] for r in rows})}, expected {sorted(pids)}")
    return problems, f"{named} of {total} connections, {len(given)} hosts; {len(asked)} asked for"


class Options(argparse.Namespace):
    """What the lab's command line would have given."""
    def __init__(self, agent, extra):
        super().__init__(agent=agent, tz=None, base_host="127.0.0.1", proxy=False, tool=False, env=[], cwd=None,
                         prompt=lab_module.PROMPT, timeout=120, keep=False, wrap=None, pidns=False, command=[])
        self.__dict__.update(extra)


def run_case(lab, agent, extra, definition, zones):
    problems, found = [], {}

    def after(run, summary):
        document = truth.build(run.out / "strace.txt", str(run.scratch / "repo"), lab.root, summary,
                               {"options": summary["options"]})
        without_strace(run.out / "telltale.db", run.out / "compare.db")
        found["report"] = truth.compare(document, run.out / "compare.db", str(lab.root))
        db = sqlite3.connect(f"file:{run.out / 'telltale.db'}?mode=ro", uri=True)
        found["session"] = db.execute("SELECT agent, agent_version, complete, exit_status FROM session").fetchall()
        with open(run.out / "strace.txt", errors="replace") as f:
            raw = truth.parse_strace(f, str(run.scratch / "repo"))
        found["names"] = check_names(db, summary, raw)
        found["zones"] = set(db.execute("SELECT how, zone FROM timezone_lookup WHERE zone IS NOT NULL").fetchall())
        db.close()

    run = lab_module.Run(lab, Options(agent, extra))
    run.wrap_prefix = [TELLTALE, "run", "--db", str(run.out / "telltale.db"), "--",
                       *truth.strace_command(run.out / "strace.txt")]
    summary = run.execute(after)

    for kind in KINDS:
        row = found["report"]["kinds"][kind]
        print(f"    {kind:<11} strace {row['truth']:>4}  telltale {row['db']:>4}  recall {row['recall']:.2%}"
              f"  not in strace {row['extra']}")
        if row["recall"] < RECALL:
            problems.append(f"{kind}: recall {row['recall']:.2%}, missing {row['missing']}")
        if row["extra"]:
            problems.append(f"{kind}: not seen by strace: {row['extras']}")
    wrong, words = found["names"]
    print(f"    names       {words}")
    problems += wrong
    version = lab.agent(agent)["version"]
    want = (definition, version, 1)
    got = [row[:3] for row in found["session"]]
    print(f"    session     {got}, exit {summary['exit']}; zone by {sorted(found['zones'])}")
    if got != [want]:
        problems.append(f"session: {got}, expected {[want]}")
    here = {(how, local_zone() if zone == "Etc/UTC" else zone) for how, zone in zones}
    if not here <= found["zones"]:
        problems.append(f"time zone: {sorted(found['zones'])} lacks {sorted(here - found['zones'])}")
    if summary["exit"] != 0:
        problems.append(f"the agent ended with {summary['exit']}: see {summary['result_dir']}")
    return problems


def main():
    lab = lab_module.Lab()
    failed = 0
    for agent in sorted({c[0] for c in CASES}):
        print(f"  LAB     install {agent}: {lab.install(agent)}", flush=True)
    for agent, extra, definition, zones in CASES:
        words = " ".join(f"{k}={v}" for k, v in extra.items())
        print(f"  LAB     {agent} {words}", flush=True)
        problems = run_case(lab, agent, extra, definition, zones)
        for problem in problems:
            print(f"    not ok: {problem}")
        failed += bool(problems)
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
