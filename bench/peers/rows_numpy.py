"""The rows that NumPy has."""
import numpy as np

from common import linalg, noise, sized

rows = {}


def row(function):
    rows[function.__name__.replace("_", "-")] = function
    return function


def plain(value):
    return value


def about():
    return ["NumPy=" + np.__version__, "BLAS=" + np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]]


def peak():
    return "NaN"


@row
def copy_double():
    side = sized(2000, 50)
    # by columns, as R's matrix, so that the second and the third number are the same
    return {"r": noise(1, side, side).T.copy()}, "x = r.copy(); x[0, 0] = 1", "x[0, 1:3]"


calls = {
    "solve": ("out = np.linalg.solve(g, b)", "out"),
    "chol": ("out = np.linalg.cholesky(s)", "out.T"),
    "svd": ("out = np.linalg.svd(g)", "np.sort(out[1])"),
    "eigh": ("out = np.linalg.eigh(s)", "np.sort(out[0])"),
    "matmul": ("out = g @ b", "out"),
}


def linalg_row(work, dtype):
    def setup():
        g, s, b = (part.astype(dtype) for part in linalg(work))
        return {"g": g, "s": s, "b": b, "np": np}, *calls[work]

    return setup


for work in calls:
    rows[work + "-float64"] = linalg_row(work, np.float64)
    rows[work + "-float32"] = linalg_row(work, np.float32)
