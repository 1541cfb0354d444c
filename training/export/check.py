"""Exported graphs against the modules they were made of, on fresh random inputs."""
import os
import shlex
import subprocess
import tempfile

import numpy as np
import onnx
import torch

from .errors import ExportError

LIMITS = {"fp16": 1e-2, "fp32": 1e-4}
REPOSITORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
RUNNER = f"dotnet run -c Release --project {shlex.quote(os.path.normpath(os.path.join(REPOSITORY, 'tests', 'ImageService.Benchmarks')))} --"
FREE = {"rows": 2, "tokens": 77, "height": 32, "width": 32, "picture_height": 256, "picture_width": 256}
NUMPY = {onnx.TensorProto.FLOAT: np.float32, onnx.TensorProto.FLOAT16: np.float16, onnx.TensorProto.INT64: np.int64}


def check(written, precision, provider="cpu", runner=None, seed=0, log=print):
    """written: what write_folder gave. -> the largest relative error of each part; raises where one is too large."""
    errors = {}
    for part, (path, module) in written.items():
        inputs = random_inputs(path, module, np.random.default_rng(seed))
        given = run_graph(path, inputs, provider, runner)
        wanted = reference(part, module, inputs)
        per_output = {name: relative(given[name], value) for name, value in wanted.items()}
        worst = max(per_output, key=per_output.get)
        errors[part] = per_output[worst]
        log(f"{part}: relative error {errors[part]:.2e} at most ({worst}; {LIMITS[precision]:g} allowed)")
        if not errors[part] <= LIMITS[precision]:
            raise ExportError(f"{path}: {worst} differs from PyTorch by {errors[part]:.2e}, more than {LIMITS[precision]:g}.")
    return errors


def relative(given, wanted):
    """The length of the difference over the length of what is wanted."""
    given, wanted = given.astype(np.float64), wanted.astype(np.float64)
    if given.shape != wanted.shape or not np.isfinite(given).all():
        return float("inf")
    return float(np.linalg.norm(given - wanted) / np.linalg.norm(wanted))


def random_inputs(path, module, rng):
    inputs = {}
    for i in onnx.load(path, load_external_data=False).graph.input:
        kind = i.type.tensor_type
        shape = [d.dim_value or FREE[d.dim_param] for d in kind.shape.dim]
        if i.name == "input_ids":
            value = rng.integers(0, module.config.vocabulary, shape)
            value[value == module.config.eos] -= 1
            for row in range(shape[0]):
                value[row, 5 + 9 * row:7 + 9 * row] = module.config.eos
        elif i.name == "timestep":
            value = rng.uniform(0, 999, shape)
        elif i.name == "time_ids":
            value = np.tile([1024, 1024, 0, 16, 1024, 768], (shape[0], 1))
        elif i.name == "sample" and hasattr(module, "encoder"):
            value = rng.uniform(-1, 1, shape)
        else:
            value = rng.standard_normal(shape)
        inputs[i.name] = value.astype(NUMPY[kind.elem_type])
    return inputs


@torch.no_grad()
def reference(part, module, inputs):
    """The module's answer in float32, on the GPU where torch has one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    kind = next(module.parameters()).dtype
    module = module.to(device, torch.float32)
    given = {k: torch.from_numpy(v).to(device) for k, v in inputs.items()}
    given = {k: v.float() if v.is_floating_point() else v for k, v in given.items()}
    if part.startswith("text_encoder"):
        last, pooled, states = module(given["input_ids"])
        wanted = {"last_hidden_state": last, **({} if pooled is None else {"text_embeds": pooled}),
                  **{f"hidden_states.{i}": s for i, s in enumerate(states)}}
    elif part == "unet":
        wanted = {"out_sample": module(**given)}
    elif part == "vae_decoder":
        wanted = {"sample": module.decode(given["latent_sample"])}
    else:
        wanted = {"latent_parameters": module.encode(given["sample"])}
    wanted = {k: v.cpu().numpy() for k, v in wanted.items()}
    module.to("cpu", kind)
    return wanted


def run_graph(path, inputs, provider="cpu", runner=None):
    """By the onnxruntime of this Python where there is one, else by `runner`, the program of this repository's benchmarks."""
    if runner is None:
        try:
            import onnxruntime
        except ImportError:
            pass
        else:
            wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[provider]
            if wanted in onnxruntime.get_available_providers():
                session = onnxruntime.InferenceSession(path, providers=[wanted])
                return dict(zip([o.name for o in session.get_outputs()], session.run(None, inputs)))
    with tempfile.TemporaryDirectory() as folder:
        for name in ("inputs", "outputs"):
            os.mkdir(os.path.join(folder, name))
        for name, value in inputs.items():
            np.save(os.path.join(folder, "inputs", name + ".npy"), np.ascontiguousarray(value))
        command = shlex.split(runner or RUNNER) + ["run-graph", "--model", os.path.abspath(path), "--inputs", os.path.join(folder, "inputs"),
                                                  "--outputs", os.path.join(folder, "outputs"), "--provider", provider]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except OSError as e:
            raise ExportError(f"{command[0]} cannot be started ({e.strerror}); --check needs Python's onnxruntime or the .NET SDK.") from e
        if done.returncode:
            raise ExportError(f"{path} cannot be run on provider {provider}:\n{done.stdout.strip()}")
        return {name[:-4]: np.load(os.path.join(folder, "outputs", name)) for name in os.listdir(os.path.join(folder, "outputs"))}
