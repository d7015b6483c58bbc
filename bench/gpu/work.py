"""The Python sides of the table: work.py mlx|torch|jax; see work.R, whose every piece this mirrors."""
import os
import sys
import time

import numpy as np

side = sys.argv[1]
only = os.environ.get("RMLX_BENCH_ONLY", "")
small = bool(os.environ.get("RMLX_BENCH_SMALL"))

if side == "mlx":
    import mlx.core as mx
    from mlx.utils import tree_map

    full = mx.default_device() == mx.gpu and not small
elif side == "torch":
    import torch
    import torch.nn.functional as F

    cuda = torch.cuda.is_available()
    torch.backends.cuda.matmul.allow_tf32 = True  # as MLX does
    device = "cuda" if cuda else "cpu"
    full = cuda and not small
else:
    import jax
    import jax.numpy as jnp

    full = jax.default_backend() == "gpu" and not small


def tell(work, unit, number):
    print(side, work, unit, f"{number:.6g}", sep="\t", flush=True)


def timed(run, seconds=None, least=5):
    seconds = seconds or (0.6 if full else 0.2)
    for _ in range(3):
        run()
    took = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(took) < least:
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
    return float(np.median(took))


def noise(seed, *shape):
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    return (np.mod(i * 7919 + seed * 104729, 10007) / 10007 - 0.5).reshape(shape, order="F")


def array(x):
    x = np.ascontiguousarray(x, dtype=np.float32)
    if side == "mlx":
        return mx.array(x)
    return torch.from_numpy(x).to(device, copy=True) if side == "torch" else jnp.asarray(x)


def wait(*x):
    if side == "mlx":
        mx.eval(*x)
    elif side == "torch":
        if cuda:
            torch.cuda.synchronize()
    else:
        jax.block_until_ready(x)
    return x


def op():
    x = array(noise(1, 4, 4))
    wait(x)

    def chain():
        y = x
        for _ in range(100):
            y = y + x
        return y

    tell("op, lazy", "us", timed(chain) * 1e4)
    tell("op, evaluated", "us", timed(lambda: wait(chain())) * 1e4)


def matmul():
    n = 8192 if full else 256
    for dtype in ("float32", "bfloat16"):
        if side == "mlx":
            x, y = (mx.random.uniform(-1, 1, (n, n), dtype=getattr(mx, dtype)) for _ in range(2))
        elif side == "torch":
            x, y = (torch.rand(n, n, device=device).mul(2).sub(1).to(getattr(torch, dtype)) for _ in range(2))
        else:
            x, y = (
                jax.random.uniform(jax.random.key(k), (n, n), minval=-1, maxval=1, dtype=getattr(jnp, dtype))
                for k in range(2)
            )
        wait(x, y)
        tell(f"matmul {n} {dtype}", "ms", timed(lambda: wait(x @ y)) * 1e3)


def network():
    size = [784, 256, 128, 10]
    params = [
        {"w": array(noise(i, size[i - 1], size[i]) / np.sqrt(size[i - 1])), "b": array(noise(10 + i, size[i]) / 10)}
        for i in (1, 2, 3)
    ]
    x = array(noise(20, 64, 784))
    y = array((np.arange(64)[:, None] % 10 == np.arange(10)[None]) * 1.0)
    return params, x, y


def tell_step(work, run, record):
    """See work.R. Only MLX records without computing."""
    tell(work, "us", timed(run) * 1e6)
    if side == "mlx":
        tell(work + ": recorded only", "us", timed(record) * 1e6)


def mlp():
    params, x, y = network()
    xp = {"mlx": lambda: mx, "torch": lambda: torch, "jax": lambda: jnp}[side]()

    def lse(z):
        if side == "jax":
            return jax.scipy.special.logsumexp(z, axis=1)
        return mx.logsumexp(z, axis=1) if side == "mlx" else torch.logsumexp(z, 1)

    def relu(z):
        return torch.relu(z) if side == "torch" else xp.maximum(z, 0)

    def loss(params, x, y):
        for layer in params[:2]:
            x = relu(x @ layer["w"] + layer["b"])
        x = x @ params[2]["w"] + params[2]["b"]
        return xp.sum(lse(x) - xp.sum(x * y, 1)) / x.shape[0]

    if side == "torch":
        def step(params, x, y):
            flat = [p.detach().requires_grad_() for layer in params for p in layer.values()]
            made = [{"w": flat[2 * i], "b": flat[2 * i + 1]} for i in range(3)]
            value = loss(made, x, y)
            grads = torch.autograd.grad(value, flat)
            with torch.no_grad():
                new = [p - 0.01 * g for p, g in zip(flat, grads)]
            return value.detach(), [{"w": new[2 * i], "b": new[2 * i + 1]} for i in range(3)]

        fast = None
    else:
        gradient = mx.value_and_grad(loss) if side == "mlx" else jax.value_and_grad(loss)
        mapped = tree_map if side == "mlx" else jax.tree.map

        def step(params, x, y):
            value, grads = gradient(params, x, y)
            return value, mapped(lambda p, g: p - 0.01 * g, params, grads)

        fast = mx.compile(step) if side == "mlx" else jax.jit(step)
    tell("MLP loss", "", float(step(params, x, y)[0]))

    def training(step):
        state = [params]

        def run():
            value, state[0] = step(state[0], x, y)
            wait(value, state[0])

        return run

    tell_step("MLP step, eager", training(step), lambda: step(params, x, y))
    if fast:
        tell_step("MLP step, compiled", training(fast), lambda: fast(params, x, y))


def transformer():
    d, heads, long, batch = (512, 8, 256, 8) if full else (32, 8, 8, 2)
    shapes = {"wq": (d, d), "wk": (d, d), "wv": (d, d), "wo": (d, d), "w1": (d, 4 * d), "w2": (4 * d, d)}
    p = {k: array(noise(i + 1, *s) * 2 / np.sqrt(s[0])) for i, (k, s) in enumerate(shapes.items())}
    p |= {
        "g1": array(noise(11, d) + 1), "b1": array(noise(12, d)), "g2": array(noise(13, d) + 1),
        "b2": array(noise(14, d)), "c1": array(noise(15, 4 * d)), "c2": array(noise(16, d)),
    }
    x = array(noise(20, batch, long, d))
    scale = (d / heads) ** -0.5

    def parted(z):
        z = z.reshape(batch, long, heads, d // heads)
        return z.swapaxes(1, 2) if side != "torch" else z.transpose(1, 2)

    def norm(z, g, b):
        if side == "mlx":
            return mx.fast.layer_norm(z, g, b, 1e-5)
        if side == "torch":
            return F.layer_norm(z, (d,), g, b, 1e-5)
        z = z - z.mean(-1, keepdims=True)
        return z * jax.lax.rsqrt((z * z).mean(-1, keepdims=True) + 1e-5) * g + b

    def attention(q, k, v):
        if side == "mlx":
            return mx.fast.scaled_dot_product_attention(q, k, v, scale=scale)
        if side == "torch":
            return F.scaled_dot_product_attention(q, k, v)
        return jax.nn.softmax(q @ k.swapaxes(2, 3) * scale, axis=-1) @ v

    erf = {"mlx": lambda z: mx.erf(z), "torch": lambda z: torch.erf(z), "jax": lambda z: jax.scipy.special.erf(z)}[side]

    def loss(p, x):
        h = norm(x, p["g1"], p["b1"])
        a = attention(parted(h @ p["wq"]), parted(h @ p["wk"]), parted(h @ p["wv"]))
        a = (a.transpose(1, 2) if side == "torch" else a.swapaxes(1, 2)).reshape(batch, long, d)
        x = x + a @ p["wo"]
        h = norm(x, p["g2"], p["b2"])
        z = h @ p["w1"] + p["c1"]
        out = x + (z * (1 + erf(z / 2**0.5)) / 2) @ p["w2"] + p["c2"]
        return (out * out).mean()

    if side == "torch":
        for v in p.values():
            v.requires_grad_()

        def step(p, x):
            value = loss(p, x)
            return value, torch.autograd.grad(value, list(p.values()))

        fast = None
    elif side == "mlx":
        step = mx.value_and_grad(loss)
        fast = mx.compile(step)
    else:
        step = jax.value_and_grad(loss)
        fast = jax.jit(step)
    value = step(p, x)[0]
    tell("transformer loss", "", (value.detach() if side == "torch" else value).item())
    tell_step("transformer step, eager", lambda: wait(step(p, x)), lambda: step(p, x))
    if fast:
        tell_step("transformer step, compiled", lambda: wait(fast(p, x)), lambda: fast(p, x))


def convert():
    n = 4096 if full else 256
    doubles = np.ascontiguousarray(noise(1, n, n))  # as R has them
    single = doubles.astype(np.float32)
    gigabytes = 4 * n * n / 1e9
    if side == "mlx":
        tell("host to device", "GB/s", gigabytes / timed(lambda: wait(mx.array(doubles, dtype=mx.float32) * 1)))
    else:
        tell("host to device", "GB/s", gigabytes / timed(lambda: wait(array(doubles) * 1)))
    tell("host to device, float32 on the host", "GB/s", gigabytes / timed(lambda: wait(array(single) * 1)))
    x = array(single)
    back = (lambda z: z.cpu().numpy()) if side == "torch" else np.array
    tell("device to host, by rows", "GB/s", gigabytes / timed(lambda: back(x + 1).astype(np.float64)))
    tell("device to host, float32 on the host", "GB/s", gigabytes / timed(lambda: back(x + 1)))
    if side == "mlx":
        tell("scalar in and out", "us", timed(lambda: (mx.array(1.5) + 1).item()) * 1e6)
    else:
        scalar = (lambda: torch.tensor(1.5, device=device)) if side == "torch" else (lambda: jnp.float32(1.5))
        tell("scalar in and out", "us", timed(lambda: float(scalar() + 1)) * 1e6)


def memory():
    n = 2000 if full else 200
    x = array(np.ones(10**6))
    wait(x)
    if side == "mlx":
        mx.reset_peak_memory()
    start = time.perf_counter()
    for _ in range(n):
        y = x * 2 + 1
        wait(y)
    tell(f"{n} x (x*2+1) of 1e6 floats", "s", time.perf_counter() - start)
    if side == "mlx":
        tell("its peak of arrays", "MB", mx.get_peak_memory() / 1e6)
    elif side == "torch" and cuda:
        tell("its peak of arrays", "MB", torch.cuda.max_memory_allocated() / 1e6)


for piece in (op, matmul, mlp, transformer, convert, memory):
    if only in piece.__name__ or only == ".":
        try:
            piece()
        except Exception as e:  # told, so that the others still run
            print(side, piece.__name__, "failed", " ".join(str(e).split())[:300], sep="\t", flush=True)
