"""The rows in Python MLX. Each gives the names that a call uses, the call, and what its value is
(None: the call is an expression)."""
from importlib.metadata import version

import mlx.core as mx
import numpy as np
from mlx.utils import tree_map

from common import Mixture, gmm_sizes, linalg, network, noise, rows_at_random, sized, transformer, used_blas

rows = {}


def row(function):
    rows[function.__name__.replace("_", "-")] = function
    return function


def plain(value):
    return np.array(value) if isinstance(value, mx.array) else value


def about():
    mx.eval(f32([[1]]) @ f32([[1]]))  # so that the libraries are there
    return ["MLX=" + version("mlx"), "BLAS=" + used_blas("cblas_sgemm")]


def peak():
    return mx.get_peak_memory()


def f32(x):
    return mx.array(np.asarray(x), dtype=mx.float32)


def f64(x):
    return mx.array(np.asarray(x), dtype=mx.float64)


def evaluated(*names):
    mx.eval(*names)
    return names


# lazy operations, as in rows-lazy.R
lazy = {
    "add": "x + y", "add-number": "x + 1", "negative": "-x", "exp": "mx.exp(x)", "sum": "mx.sum(x)",
    "matmul": "x @ y", "slice": "m[0:2]", "transpose": "x.T", "dim": "x.shape",
}


def lazy_row(call):
    def setup():
        x, y, m = evaluated(f32([[1.5]]), f32([[2.5]]), f32(noise(1, 4, 4)))
        return {"x": x, "y": y, "m": m, "mx": mx, "np": np}, call, "np.array(x.shape)" if call == "x.shape" else None

    return setup


for name, call in lazy.items():
    rows["lazy-" + name] = lazy_row(call)


@row
def scalar_out():
    (x,) = evaluated(mx.array(1.5))
    return {"x": x}, "x.item()", None


@row
def scalar_computed():
    (x,) = evaluated(mx.array(1.5))
    return {"x": x}, "(x + x).item()", None


@row
def scalar_in():
    return {"mx": mx}, "mx.array(1.5)", None


# conversion, as in rows-convert.R
def convert_rows(name, make, dtype, back):
    def to():
        return {"r": make(), "mx": mx, "dtype": dtype}, "x = mx.array(r, dtype=dtype); mx.eval(x)", "x"

    def out_of():
        (x,) = evaluated(mx.array(make(), dtype=dtype))
        return {"x": x, "np": np, "back": back}, "np.array(x, dtype=back)", None

    def by_columns():
        # NumPy's own order is MLX's; R's is not, so the peer too rearranges
        names, call, value = out_of()
        return names, f"np.asfortranarray({call})", value

    rows["to-" + name] = to
    rows["from-" + name] = out_of
    rows["from-rows-" + name] = by_columns


def square(seed):
    side = sized(2000, 50)
    return noise(seed, side, side)


convert_rows("double", lambda: square(1), mx.float32, np.float64)
convert_rows("integer", lambda: np.trunc(1000 * square(1)).astype(np.int32), mx.int32, np.int32)
convert_rows("logical", lambda: square(1) > 0, mx.bool_, np.bool_)
convert_rows("complex", lambda: square(1) + 1j * square(2), mx.complex64, np.complex128)
convert_rows("double-float64", lambda: square(1), mx.float64, np.float64)


@row
def regression():
    x, y, w = evaluated(f32(noise(1, 1000, 100)), f32(noise(2, 1000, 1)), f32(noise(3, 100, 1)))

    def loss(w, x, y):
        r = x @ w - y
        return mx.sum(r * r) / y.size

    names = {"f": mx.value_and_grad(loss), "w": w, "x": x, "y": y, "mx": mx}
    return names, "out = f(w, x, y); mx.eval(out)", "out"


def mlp():
    params, x, y = network()
    params, x, y = tree_map(f32, params), f32(x), f32(y)
    mx.eval(params, x, y)

    def loss(params, x, y):
        for layer in params[:2]:
            x = mx.maximum(x @ layer["w"] + layer["b"], 0)
        x = x @ params[2]["w"] + params[2]["b"]
        return mx.sum(mx.logsumexp(x, axis=1) - mx.sum(x * y, axis=1)) / x.shape[0]

    gradient = mx.value_and_grad(loss)

    def step(params, x, y):
        value, grads = gradient(params, x, y)
        return value, tree_map(lambda p, g: p - 0.01 * g, params, grads)

    return gradient, step, {"params": params, "x": x, "y": y, "mx": mx}


@row
def mlp_gradient():
    gradient, _, names = mlp()
    return {"f": gradient, **names}, "out = f(params, x, y); mx.eval(out)", "out"


@row
def mlp_step():
    _, step, names = mlp()
    return {"f": step, **names}, "out = f(params, x, y); mx.eval(out); params = out[1]", "out"


@row
def mlp_compiled():
    _, step, names = mlp()
    return {"f": mx.compile(step), **names}, "out = f(params, x, y); mx.eval(out); params = out[1]", "out"


# parts of a matrix, as in rows-index.R
def matrix():
    side = sized(1000, 50)
    x, block = f32(noise(1, side, side)), f32(noise(3, side // 2, side // 2))
    mask = x > 0.25
    at = mx.array(rows_at_random(2, side))
    mx.eval(x, block, mask, at)
    return {"x": x, "block": block, "mask": mask, "at": at, "a": 10, "b": 10 + side // 2, "mx": mx, "np": np}


@row
def index_gather():
    return matrix(), "out = x[at]; mx.eval(out)", "out"


@row
def index_select():
    select = "out = mx.take(x, mx.array(np.flatnonzero(np.array(mask)))); mx.eval(out)"
    return matrix(), select, "np.sort(np.array(out))"


@row
def index_block():
    return matrix(), "x[a:b, a:b] = block; mx.eval(x)", "x"


@row
def index_masked():
    return matrix(), "x[mask] = 0; mx.eval(x)", "x"


@row
def jacobian():
    x, w = evaluated(f32(noise(1, 1000, 50)), f32(noise(2, 50)))

    def f(w):
        return mx.tanh(x @ w)

    def jacobian_of(w):
        return mx.vmap(lambda t: mx.jvp(f, [w], [t])[1][0], out_axes=1)(mx.eye(50))

    return {"f": jacobian_of, "w": w, "mx": mx}, "out = f(w); mx.eval(out)", "out"


@row
def jacobian_compiled():
    names, call, value = jacobian()
    return {**names, "f": mx.compile(names["f"])}, call, value


@row
def hessian():
    n, p = sized(100000, 200), sized(100, 5)
    x, y, w = evaluated(f64(noise(1, n, p)), f64(noise(2, n) > 0), f64(noise(3, p)))

    def nll(w):
        eta = x @ w
        return mx.sum(mx.logaddexp(eta, mx.array(0, dtype=mx.float64)) - y * eta)

    def hessian_of(w):
        return mx.vmap(lambda t: mx.jvp(mx.grad(nll), [w], [t])[1][0])(mx.eye(p, dtype=mx.float64))

    return {"f": hessian_of, "w": w, "mx": mx}, "out = f(w); mx.eval(out)", "out"


@row
def hessian_compiled():
    names, call, value = hessian()
    return {**names, "f": mx.compile(names["f"])}, call, value


def transformer_parts():
    p, x, batch, long, d = transformer()
    p, x = tree_map(f32, p), f32(x)
    mx.eval(p, x)

    def parted(z):
        return z.reshape(batch, long, 8, d // 8).transpose(0, 2, 1, 3)

    def gelu(z):
        return z * (1 + mx.erf(z / 2**0.5)) / 2

    def loss(p, x):
        h = mx.fast.layer_norm(x, p["g1"], p["b1"], 1e-5)
        a = mx.fast.scaled_dot_product_attention(
            parted(h @ p["wq"]), parted(h @ p["wk"]), parted(h @ p["wv"]), scale=(d / 8) ** -0.5
        )
        x = x + a.transpose(0, 2, 1, 3).reshape(batch, long, d) @ p["wo"]
        h = mx.fast.layer_norm(x, p["g2"], p["b2"], 1e-5)
        out = x + gelu(h @ p["w1"] + p["c1"]) @ p["w2"] + p["c2"]
        return mx.mean(out * out)

    return mx.value_and_grad(loss), {"p": p, "x": x, "mx": mx}


@row
def transformer_eager():
    gradient, names = transformer_parts()
    return {"f": gradient, **names}, "out = f(p, x); mx.eval(out)", "out"


@row
def transformer_compiled():
    gradient, names = transformer_parts()
    return {"f": mx.compile(gradient), **names}, "out = f(p, x); mx.eval(out)", "out"


rows["transformer"] = rows.pop("transformer-eager")


# the Gaussian mixture, as in rows-gmm.R
def gmm_row(what, d, k):
    def setup():
        data = Mixture(d, k)
        p, x = [f64(part) for part in data.parameters], f64(data.x)
        at, nothing = mx.array(data.at), mx.zeros((k, 1), dtype=mx.float64)
        mx.eval(p, x, at, nothing)

        def objective(p):
            alpha, means, icf = p
            logs, below = icf[:, :d], icf[:, d:]
            columns = mx.concatenate([mx.exp(logs), below, nothing], axis=1)
            q = mx.take(columns, at, axis=1).reshape(k, d, d)
            z = (x - means[:, None]) @ q.swapaxes(1, 2)
            each = (alpha + mx.sum(logs, axis=1))[:, None] - mx.sum(z * z, axis=2) / 2
            prior = data.gamma**2 / 2 * (mx.sum(mx.exp(2 * logs)) + mx.sum(below**2)) - data.m * mx.sum(logs)
            return mx.sum(mx.logsumexp(each, axis=0)) - data.n * mx.logsumexp(alpha) + prior - data.constant

        gradient = mx.value_and_grad(objective)
        f = {"objective": objective, "gradient": gradient, "compiled": mx.compile(gradient)}[what]
        return {"f": f, "p": p, "mx": mx}, "out = f(p); mx.eval(out)", "out"

    return setup


for d, k in gmm_sizes:
    for what in ("objective", "gradient", "compiled"):
        rows[f"gmm-{what}-{d}-{k}"] = gmm_row(what, d, k)


# linear algebra, as in rows-linalg.R
calls = {
    "solve": ("out = mx.linalg.solve(g, b, stream=mx.cpu)", "out"),
    "chol": ("out = mx.linalg.cholesky(s, upper=True, stream=mx.cpu)", "out"),
    "svd": ("out = mx.linalg.svd(g, stream=mx.cpu)", "np.sort(np.array(out[1]))"),
    "eigh": ("out = mx.linalg.eigh(s, stream=mx.cpu)", "np.sort(np.array(out[0]))"),
    "matmul": ("out = g @ b", "out"),
}


def linalg_row(work, dtype):
    def setup():
        g, s, b = (mx.array(part, dtype=dtype) for part in linalg(work))
        mx.eval(g, s, b)
        call, value = calls[work]
        return {"g": g, "s": s, "b": b, "mx": mx, "np": np}, call + "; mx.eval(out)", value

    return setup


for work in calls:
    rows[work + "-float64"] = linalg_row(work, mx.float64)
    rows[work + "-float32"] = linalg_row(work, mx.float32)


@row
def loop():
    (x,) = evaluated(f32(noise(1, 1000000)))
    call = f"""
        for _ in range({sized(2000, 20)}):
            y = x * 2 + 1
            mx.eval(y)
    """
    return {"x": x, "mx": mx}, call, "y"
