#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs real agents in the lab under telltale and strace at once, and compares the two records of one run.

Two runs of one agent differ by about a percent, so a recording is not held against another run's truth: strace
runs below telltale, and what strace itself did is left out of telltale's record. Fails when recall of distinct
successful opens, readlinks, execs or connects is below 99 %, when telltale has any that strace has not, when the record
is not complete, or when agent, version or the ways in which the time zone was looked up are wrong.
"""
import argparse
import json
import os
import sqlite3
import sys
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
