"""One Python side of the benchmark; the commands are those of worker.R.
Arguments: the side ("mlx", "pip", "jax", "torch" or "numpy"), and "quick" for small sizes."""
import gc
import importlib
import inspect
import os
import sys
import time

import numpy as np

import common

side = sys.argv[1]
common.quick = "quick" in sys.argv[2:]
peer = importlib.import_module({"mlx": "rows_mlx", "pip": "rows_mlx"}.get(side, "rows_" + side))


def digest(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in digest(part)]
    v = np.asarray(peer.plain(value)).reshape(-1)
    v = np.concatenate([v.real, v.imag]) if np.iscomplexobj(v) else v.astype(np.float64)
    order = np.cos(np.arange(1, v.size + 1))
    return [v.size, v.mean(), np.abs(v).mean(), (v * order).mean()]


def repeated(call, names):
    """A function that makes the call n times, on local variables."""
    lines = "".join("        " + line + "\n" for line in inspect.cleandoc(call).split("\n"))
    scope = {}
    exec(f"def run(n, {', '.join(names)}):\n    for _ in range(n):\n{lines}", scope)
    return lambda n: scope["run"](n, **names)


def timed(n):
    gc.collect()
    cpu = time.process_time()
    wall = time.perf_counter()
    now["run"](n)
    return time.perf_counter() - wall, time.process_time() - cpu


def peak_memory():
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        return "NaN"


now = {}


def about():
    return [f"Python={sys.version.split()[0]}", *peer.about()]


def setup(row):
    now.clear()
    names, call, value = peer.rows[row]()
    start = time.perf_counter()
    now["run"] = repeated(call, names)
    if value is None:
        result = eval(call, dict(names))
    else:
        scope = dict(names)
        exec(inspect.cleandoc(call), scope)
        result = eval(value, scope)
    now["first"] = time.perf_counter() - start
    return [repr(float(number)) for number in digest(result)]


def calibrate(aim):
    if now["first"] > 3:
        return [1]  # slow by itself, not by what a first call has to prepare
    n, aim = 1, float(aim)
    while True:
        took = timed(n)[0]
        if took > aim / 4:
            return [max(1, round(n * aim / took))]
        n *= 10 if took < aim / 100 else 3


def time_calls(n):
    n = int(n)
    return [*(took / n for took in timed(n)), peak_memory(), peer.peak()]


commands = {"about": about, "setup": setup, "calibrate": calibrate, "time": time_calls}
for line in sys.stdin:
    words = line.split()
    if words[0] == "quit":
        break
    try:
        answer = ["@ok", *commands[words[0]](*words[1:])]
    except Exception as error:  # whatever it is, the driver is told
        answer = ["@error", " ".join(f"{type(error).__name__}: {error}".split())[:300]]
    print("\t".join(str(part) for part in answer), flush=True)
os._exit(0)
