"""What all Python sides share: sizes and numbers, as in row.R."""
import ctypes
import math
import os

import numpy as np

quick = False


def used_blas(symbol):
    """The file whose `symbol` (of BLAS) this process sees: what was preloaded, else what was loaded privately."""

    class Found(ctypes.Structure):
        _fields_ = [
            ("file", ctypes.c_char_p), ("base", ctypes.c_void_p), ("name", ctypes.c_char_p), ("address", ctypes.c_void_p)
        ]

    try:
        program, found = ctypes.CDLL(None), Found()
        program.dladdr(ctypes.cast(program[symbol], ctypes.c_void_p), ctypes.byref(found))
        return found.file.decode()
    except (AttributeError, OSError):
        pass
    try:
        with open("/proc/self/maps") as maps:
            files = sorted({os.path.basename(line.split()[-1]) for line in maps if "blas" in line})
        return " ".join(files) or "its own"
    except OSError:
        return "its own"


def sized(full, small):
    return small if quick else full


def noise(seed, *dims):
    v = np.sin(np.arange(1, np.prod(dims) + 1) + 1000.0 * seed) * 43758.5453
    return (v - np.floor(v) - 0.5).reshape(dims)


def rows_at_random(seed, rows):
    return np.floor((noise(seed, rows // 2) + 0.5) * rows).astype(np.int64)


def network():
    """The MLP's parameters, batch and classes, in NumPy."""
    size = [784, 256, 128, 10]
    params = [
        {"w": noise(i + 1, size[i], size[i + 1]) / np.sqrt(size[i]), "b": noise(11 + i, size[i + 1]) / 10}
        for i in range(3)
    ]
    classes = (np.arange(64)[:, None] % 10 == np.arange(10)).astype(np.float64)
    return params, noise(20, 64, 784), classes


def transformer():
    """A transformer block's parameters and input, and its sizes."""
    d, long, batch = sized(512, 32), sized(256, 8), sized(8, 2)
    shapes = {"wq": (d, d), "wk": (d, d), "wv": (d, d), "wo": (d, d), "w1": (d, 4 * d), "w2": (4 * d, d)}
    p = {name: noise(i + 1, *shapes[name]) * 2 / np.sqrt(shapes[name][0]) for i, name in enumerate(shapes)}
    p |= {"g1": noise(11, d) + 1, "b1": noise(12, d), "g2": noise(13, d) + 1, "b2": noise(14, d)}
    p |= {"c1": noise(15, 4 * d), "c2": noise(16, d)}
    return p, noise(20, batch, long, d), batch, long, d


gmm_sizes = [(2, 5), (2, 25), (10, 5), (10, 25), (20, 10), (20, 50), (32, 25), (64, 25)]


class Mixture:
    """ADBench's Gaussian mixture: parameters (alpha, means, icf), data and constants, as in rows-gmm.R."""

    def __init__(self, d, k):
        self.n, self.gamma, self.m = sized(1000, 50), 1.0, 0.0
        self.parameters = [noise(1, k), noise(2, k, d), noise(3, k, d * (d + 1) // 2)]
        self.x = noise(4, self.n, d)
        # where each entry of a lower triangle is among the columns of (diagonal, below it by columns, 0)
        at = np.full((d, d), d * (d + 1) // 2)
        np.fill_diagonal(at, np.arange(d))
        at.T[np.triu_indices(d, 1)] = d + np.arange(d * (d - 1) // 2)
        self.at = at.reshape(-1).astype(np.int32)
        size = d + self.m + 1
        log_multigamma = d * (d - 1) / 4 * math.log(math.pi) + sum(math.lgamma((size - j) / 2) for j in range(d))
        prior = size * d * (math.log(self.gamma) - math.log(2) / 2) - log_multigamma
        self.constant = k * prior + self.n * d / 2 * math.log(2 * math.pi)


def linalg(work):
    """A general and a positive definite matrix and a right side; for products two large matrices."""
    if work == "matmul":
        side = sized(2048, 40)
        return noise(1, side, side), np.zeros(1), noise(2, side, side)
    n = sized(1000, 30)
    g = noise(1, n, n)
    return g + np.eye(n) * np.sqrt(n) / 2, g.T @ g + np.eye(n), noise(2, n, 1)
