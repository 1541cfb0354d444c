"""What both training scripts share: processes, averaging, a clock that decides the schedule, moving averages.

One process a GPU (`torchrun --nproc_per_node=N`), gradients averaged by one all-reduce of a flat buffer. Training ends
by the clock, not by a step count: the learning rate follows the share of the time that is used, so that it is always
fully decayed when the machine has to be given back.
"""
import math
import os
import time

import torch
import torch.distributed as dist


def setup(seed):
    """-> rank, world, device"""
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    cuda = torch.cuda.is_available()
    device = torch.device(f"cuda:{int(os.environ.get('LOCAL_RANK', 0))}" if cuda else "cpu")
    if cuda:
        torch.cuda.set_device(device)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    if world > 1:
        dist.init_process_group("nccl" if cuda else "gloo")
    torch.manual_seed(seed)               # equal weights everywhere; the data's seeds differ by rank
    return rank, world, device


class Averager:
    """Gradients of all processes -> their mean, clipped to a norm, in place."""
    def __init__(self, params, world, clip):
        self.params, self.world, self.clip = params, world, clip

    def __call__(self):
        grads = [p.grad for p in self.params]
        flat = torch.cat([g.reshape(-1) for g in grads])
        if self.world > 1:
            dist.all_reduce(flat)
            flat /= self.world
        norm = flat.norm()
        flat *= (self.clip / (norm + 1e-6)).clamp(max=1)
        parts = [v.view_as(g) for v, g in zip(flat.split([g.numel() for g in grads]), grads)]
        if hasattr(torch, "_foreach_copy_"):
            torch._foreach_copy_(grads, parts)
        else:
            for g, v in zip(grads, parts):
                g.copy_(v)
        return norm


class Clock:
    """Share of the time used, the same number in every process. A file with a Unix time in it may move the end."""
    def __init__(self, seconds, world, device, file=None):
        self.start, self.seconds, self.world, self.device, self.file = time.time(), seconds, world, device, file

    def share(self):
        if self.file and os.path.exists(self.file):
            with open(self.file) as f:
                self.seconds = float(f.read().split()[0]) - self.start
        s = torch.tensor((time.time() - self.start) / max(1.0, self.seconds), device=self.device)
        if self.world > 1:
            dist.broadcast(s, 0)
        return float(s)


def rate(share, step, peak, warmup=200, floor=.02):
    """Short warm-up, flat until 40% of the time, then a cosine down."""
    decay = 1 if share < .4 else floor + (1 - floor) * .5 * (1 + math.cos(math.pi * min(1, (share - .4) / .6)))
    return peak * min(1, (step + 1) / warmup) * decay


@torch.no_grad()
def moving_average(ema, params, keep):
    if hasattr(torch, "_foreach_lerp_"):
        torch._foreach_lerp_(ema, params, 1 - keep)
    else:
        for e, p in zip(ema, params):
            e.lerp_(p, 1 - keep)


def save(path, value):
    torch.save(value, path + ".tmp")
    os.replace(path + ".tmp", path)


def half(state):
    return {k: v.detach().to(torch.float16).cpu() if v.is_floating_point() else v.cpu() for k, v in state.items()}
