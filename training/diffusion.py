"""The noise schedule and two samplers, as diffusers computes them (v prediction, zero terminal SNR, trailing spacing)."""
import numpy as np
import torch

STEPS = 1000


def alphas_cumprod():
    """Scaled-linear betas 0.00085..0.012, rescaled so that the last step is pure noise (arXiv 2305.08891, algorithm 1)."""
    betas = np.linspace(.00085 ** .5, .012 ** .5, STEPS, dtype=np.float64) ** 2
    root = np.sqrt(np.cumprod(1 - betas))
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    return root ** 2


def trailing(steps):
    return (np.round(np.arange(STEPS, 0, -STEPS / steps)) - 1).astype(int)


def guided(v_text, v_empty, scale, rescale):
    """Classifier-free guidance; `rescale` pulls its deviation back to the unguided one's (arXiv 2305.08891, 3.4)."""
    v = v_empty + scale * (v_text - v_empty)
    if rescale:
        dims = tuple(range(1, v.ndim))
        v = v * (rescale * v_text.std(dims, keepdim=True) / v.std(dims, keepdim=True) + 1 - rescale)
    return v


def sample(predict, x, steps, scheduler="dpmpp_2m"):
    """predict(x, t) -> guided v. x: unit Gaussian noise. -> latents"""
    ac = alphas_cumprod()
    ts = trailing(steps)
    if scheduler == "dpmpp_2m":
        ac[-1] = 2.0 ** -24                     # as diffusers: log(alpha) must stay finite
    before = None
    for i, t in enumerate(ts):
        a, s = ac[t] ** .5, (1 - ac[t]) ** .5
        a2, s2 = (ac[ts[i + 1]] ** .5, (1 - ac[ts[i + 1]]) ** .5) if i + 1 < steps else (1.0, 0.0)
        v = predict(x, int(t))
        x0 = a * x - s * v
        if scheduler == "ddim" or s2 == 0:
            x = a2 * x0 + s2 * (a * v + s * x)
        else:
            lam = [np.log(p) - np.log(q) for p, q in ((a, s), (a2, s2))]
            h = lam[1] - lam[0]
            d = x0
            if before is not None:
                r = (lam[0] - before[1]) / h
                d = x0 + .5 / r * (x0 - before[0])
            x = (s2 / s) * x - a2 * np.expm1(-h) * d
            before = (x0, lam[0])
    return x
