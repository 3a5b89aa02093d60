#!/usr/bin/env python3
"""Memory at rest, beside an empty window of Tauri, in one run.

rest.py DESK EMPTY [ROUNDS] [SECONDS]: starts each program in turn under the display of the
environment, waits SECONDS, and adds the proportional set size of all its processes. Prints the
medians of ROUNDS rounds and the ratio to the empty window.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

MINI = [
    "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
    "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
]


def tree(root):
    """The process and everything that it started."""
    parents = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as f:
                parents[int(name)] = int(f.read().rsplit(") ", 1)[1].split()[1])
        except OSError:
            pass
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def pss_mb(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
            return next(int(l.split()[1]) for l in f if l.startswith("Pss:")) / 1024
    except (OSError, StopIteration):
        return 0.0


def one(command, extra, seconds):
    """Starts a program in a home of its own, and says how much memory it has at rest."""
    with tempfile.TemporaryDirectory() as home:
        env = {
            **os.environ,
            **extra,
            "HOME": home,
            "XDG_DATA_HOME": f"{home}/data",
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_CACHE_HOME": f"{home}/cache",
            "NO_AT_BRIDGE": "1",
            "RUST_LOG": "error",
        }
        if "SIGNET_BENCH_RATES" not in extra:
            env.pop("SIGNET_BENCH_RATES", None)
        quiet = subprocess.DEVNULL
        program = subprocess.Popen(command, env=env, stdout=quiet, stderr=quiet)
        try:
            time.sleep(seconds)
            if program.poll() is not None:
                return None
            sizes = [pss_mb(pid) for pid in tree(program.pid)]
            return sum(sizes), sizes[0], len(sizes)
        finally:
            if program.poll() is None:
                program.send_signal(signal.SIGTERM)
            try:
                program.wait(10)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()


def main():
    desk, empty = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 10
    online = {"SIGNET_BENCH_RATES": "", "SIGNET_BENCH_RFQS": "0", "SIGNET_BENCH_SECONDS": "600"}
    plans = {
        "an empty window of Tauri": ([empty], {}),
        "the desk, connect screen": ([desk], {}),
        "the desk, online, nothing open": ([desk], online),
        "an empty window with WebKit's own way of drawing": ([empty], {"EMPTY_WINDOW_AS_IS": "1"}),
    }
    mini = next((path for path in MINI if os.path.exists(path)), None)
    if mini:
        plans["WebKit's MiniBrowser, about:blank"] = ([mini, "about:blank"], {})
    seen = {name: [] for name in plans}
    for _ in range(rounds):
        for name, (command, extra) in plans.items():
            got = one(command, extra, seconds)
            if got:
                seen[name].append(got)
    base = None
    for name, got in seen.items():
        if not got:
            print(f"   {name}: it ended by itself")
            continue
        total = statistics.median(g[0] for g in got)
        base = base or total
        print(
            f"   {name:50} {total:6.1f} MB in {got[0][2]} processes, of which "
            f"{statistics.median(g[1] for g in got):5.1f} MB its own; ratio {total / base:.2f}"
        )


main()
