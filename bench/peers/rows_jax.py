"""The rows in JAX, compiled."""
import jax
import jax.numpy as jnp
import numpy as np

from common import Mixture, gmm_sizes, network, noise, sized, transformer

jax.config.update("jax_enable_x64", True)
rows = {}


def row(function):
    rows[function.__name__.replace("_", "-")] = function
    return function


def plain(value):
    return np.asarray(value)


def about():
    return ["JAX=" + jax.__version__, "BLAS=XLA's own"]


def peak():
    return "NaN"


def f32(x):
    return jnp.asarray(x, dtype=jnp.float32)


def f64(x):
    return jnp.asarray(x, dtype=jnp.float64)


def compiled(f, **arguments):
    names = {"f": jax.jit(f), "ready": jax.block_until_ready, **arguments}
    return names, f"out = ready(f({', '.join(arguments)}))", "out"


@row
def regression():
    def loss(w, x, y):
        r = x @ w - y
        return jnp.sum(r * r) / y.size

    return compiled(
        jax.value_and_grad(loss), w=f32(noise(3, 100, 1)), x=f32(noise(1, 1000, 100)), y=f32(noise(2, 1000, 1))
    )


def mlp():
    params, x, y = network()
    # tuples, since JAX sorts the names of a dictionary
    params = [(f32(layer["w"]), f32(layer["b"])) for layer in params]

    def loss(params, x, y):
        for w, b in params[:2]:
            x = jnp.maximum(x @ w + b, 0)
        w, b = params[2]
        x = x @ w + b
        return jnp.sum(jax.nn.logsumexp(x, axis=1) - jnp.sum(x * y, axis=1)) / x.shape[0]

    gradient = jax.value_and_grad(loss)

    def step(params, x, y):
        value, grads = gradient(params, x, y)
        return value, jax.tree.map(lambda p, g: p - 0.01 * g, params, grads)

    return gradient, step, {"params": params, "x": f32(x), "y": f32(y)}


@row
def mlp_gradient():
    gradient, _, arguments = mlp()
    return compiled(gradient, **arguments)


@row
def mlp_compiled():
    _, step, arguments = mlp()
    return compiled(step, **arguments)


rows["mlp-step"] = mlp_compiled


@row
def jacobian():
    x = f32(noise(1, 1000, 50))
    return compiled(jax.jacfwd(lambda w: jnp.tanh(x @ w)), w=f32(noise(2, 50)))


rows["jacobian-compiled"] = jacobian


@row
def hessian():
    n, p = sized(100000, 200), sized(100, 5)

    def nll(w, x, y):
        eta = x @ w
        return jnp.sum(jax.nn.softplus(eta) - y * eta)

    return compiled(jax.hessian(nll), w=f64(noise(3, p)), x=f64(noise(1, n, p)), y=f64(noise(2, n) > 0))


rows["hessian-compiled"] = hessian


@row
def transformer_block():
    p, x, batch, long, d = transformer()
    order = list(p)

    def norm(x, g, b):
        mean = jnp.mean(x, axis=-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(jnp.var(x, axis=-1, keepdims=True) + 1e-5) * g + b

    def parted(z):
        return z.reshape(batch, long, 8, d // 8)

    def loss(values, x):
        p = dict(zip(order, values))
        h = norm(x, p["g1"], p["b1"])
        a = jax.nn.dot_product_attention(parted(h @ p["wq"]), parted(h @ p["wk"]), parted(h @ p["wv"]))
        x = x + a.reshape(batch, long, d) @ p["wo"]
        h = norm(x, p["g2"], p["b2"])
        out = x + jax.nn.gelu(h @ p["w1"] + p["c1"], approximate=False) @ p["w2"] + p["c2"]
        return jnp.mean(out * out)

    return compiled(jax.value_and_grad(loss), values=[f32(p[name]) for name in order], x=f32(x))


rows["transformer"] = rows["transformer-compiled"] = rows.pop("transformer-block")


def gmm_row(what, d, k):
    def setup():
        data = Mixture(d, k)
        at, nothing = jnp.asarray(data.at), jnp.zeros((k, 1))

        def objective(p, x):
            alpha, means, icf = p
            logs, below = icf[:, :d], icf[:, d:]
            columns = jnp.concatenate([jnp.exp(logs), below, nothing], axis=1)
            q = jnp.take(columns, at, axis=1).reshape(k, d, d)
            z = (x - means[:, None]) @ q.swapaxes(1, 2)
            each = (alpha + jnp.sum(logs, axis=1))[:, None] - jnp.sum(z * z, axis=2) / 2
            prior = data.gamma**2 / 2 * (jnp.sum(jnp.exp(2 * logs)) + jnp.sum(below**2)) - data.m * jnp.sum(logs)
            ends = prior - data.constant - data.n * jax.nn.logsumexp(alpha)
            return jnp.sum(jax.nn.logsumexp(each, axis=0)) + ends

        f = objective if what == "objective" else jax.value_and_grad(objective)
        return compiled(f, p=[f64(part) for part in data.parameters], x=f64(data.x))

    return setup


for d, k in gmm_sizes:
    for what in ("objective", "compiled"):
        rows[f"gmm-{what}-{d}-{k}"] = gmm_row(what, d, k)
