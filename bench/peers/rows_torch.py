"""The rows in PyTorch, eager."""
import re

import torch
import torch.nn.functional as nnf

from common import Mixture, gmm_sizes, linalg, network, noise, transformer

rows = {}


def row(function):
    rows[function.__name__.replace("_", "-")] = function
    return function


def plain(value):
    return value.detach().numpy()


def about():
    blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    return [
        "PyTorch=" + torch.__version__, "BLAS=" + (blas.group(1) if blas else "its own"),
        f"threads={torch.get_num_threads()}",
    ]


def peak():
    return "NaN"


def f32(x):
    return torch.tensor(x, dtype=torch.float32)


def with_gradient(loss, leaves):
    for leaf in leaves:
        leaf.requires_grad_(True)
    names = {"loss": loss, "leaves": leaves, "grad": torch.autograd.grad}
    return names, "value = loss(); out = (value, grad(value, leaves))", "out"


@row
def regression():
    w, x, y = f32(noise(3, 100, 1)), f32(noise(1, 1000, 100)), f32(noise(2, 1000, 1))

    def loss():
        r = x @ w - y
        return (r * r).sum() / y.numel()

    return with_gradient(loss, [w])


def mlp():
    params, x, y = network()
    leaves = [f32(layer[name]) for layer in params for name in ("w", "b")]
    x, y = f32(x), f32(y)

    def loss():
        z = x
        for i in (0, 2):
            z = torch.relu(z @ leaves[i] + leaves[i + 1])
        z = z @ leaves[4] + leaves[5]
        return (torch.logsumexp(z, 1) - (z * y).sum(1)).sum() / z.shape[0]

    return with_gradient(loss, leaves)


@row
def mlp_gradient():
    return mlp()


@row
def mlp_step():
    names, _, _ = mlp()
    loss, leaves = names["loss"], names["leaves"]

    def step():
        value = loss()
        grads = torch.autograd.grad(value, leaves)
        with torch.no_grad():
            return value, [p - 0.01 * g for p, g in zip(leaves, grads)]

    return {"step": step}, "out = step()", "out"


@row
def transformer_block():
    p, x, batch, long, d = transformer()
    p, x = {name: f32(p[name]) for name in p}, f32(x)

    def parted(z):
        return z.reshape(batch, long, 8, d // 8).transpose(1, 2)

    def loss():
        h = nnf.layer_norm(x, (d,), p["g1"], p["b1"])
        a = nnf.scaled_dot_product_attention(parted(h @ p["wq"]), parted(h @ p["wk"]), parted(h @ p["wv"]))
        y = x + a.transpose(1, 2).reshape(batch, long, d) @ p["wo"]
        h = nnf.layer_norm(y, (d,), p["g2"], p["b2"])
        out = y + nnf.gelu(h @ p["w1"] + p["c1"]) @ p["w2"] + p["c2"]
        return (out * out).mean()

    return with_gradient(loss, list(p.values()))


rows["transformer"] = rows["transformer-compiled"] = rows.pop("transformer-block")


def gmm_row(what, d, k):
    def setup():
        data = Mixture(d, k)
        leaves = [torch.tensor(part) for part in data.parameters]
        x, at, nothing = torch.tensor(data.x), torch.tensor(data.at), torch.zeros((k, 1), dtype=torch.float64)

        def objective():
            alpha, means, icf = leaves
            logs, below = icf[:, :d], icf[:, d:]
            columns = torch.cat([torch.exp(logs), below, nothing], 1)
            q = torch.index_select(columns, 1, at).reshape(k, d, d)
            z = (x - means[:, None]) @ q.transpose(1, 2)
            each = (alpha + logs.sum(1))[:, None] - (z * z).sum(2) / 2
            prior = data.gamma**2 / 2 * (torch.exp(2 * logs).sum() + (below**2).sum()) - data.m * logs.sum()
            ends = prior - data.constant - data.n * torch.logsumexp(alpha, 0)
            return torch.logsumexp(each, 0).sum() + ends

        if what == "objective":
            return {"f": objective}, "f()", None
        return with_gradient(objective, leaves)

    return setup


for d, k in gmm_sizes:
    for what in ("objective", "gradient", "compiled"):
        rows[f"gmm-{what}-{d}-{k}"] = gmm_row(what, d, k)


calls = {
    "solve": ("out = linalg.solve(g, b)", "out"),
    "chol": ("out = linalg.cholesky(s, upper=True)", "out"),
    "svd": ("out = linalg.svd(g)", "out[1].sort()[0]"),
    "eigh": ("out = linalg.eigh(s)", "out[0]"),
    "matmul": ("out = g @ b", "out"),
}


def linalg_row(work, dtype):
    def setup():
        g, s, b = (torch.tensor(part, dtype=dtype) for part in linalg(work))
        return {"g": g, "s": s, "b": b, "linalg": torch.linalg}, *calls[work]

    return setup


for work in calls:
    rows[work + "-float64"] = linalg_row(work, torch.float64)
    rows[work + "-float32"] = linalg_row(work, torch.float32)
