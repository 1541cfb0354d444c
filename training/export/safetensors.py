"""The safetensors format: 8 bytes length, a JSON header, the tensors. Read through a memory map, so that only what is used is read."""
import json
import mmap
import os

import torch

from .errors import ExportError

TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64, "I64": torch.int64, "I32": torch.int32}
CODES = {dtype: code for code, dtype in TYPES.items()}
SIZES = {code: torch.empty(0, dtype=dtype).element_size() for code, dtype in TYPES.items()}


def read(path):
    """-> tensors by name"""
    size = os.path.getsize(path)
    with open(path, "rb") as f:
        length = int.from_bytes(f.read(8), "little")
        if size < 8 or not 2 <= length <= size - 8:
            raise ExportError(f"{path} is not a safetensors file, or cut short.")
        try:
            header = json.loads(f.read(length))
        except ValueError as e:
            raise ExportError(f"{path} is not a safetensors file: its header is not JSON.") from e
        data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY)
    header.pop("__metadata__", None)
    return {name: _tensor(path, name, entry, data, 8 + length, size) for name, entry in header.items()}


def _tensor(path, name, entry, data, start, size):
    try:
        code, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (KeyError, TypeError, ValueError) as e:
        raise ExportError(f"{path}: the entry of {name} is not one of a safetensors header.") from e
    if code not in TYPES:
        raise ExportError(f"{path}: {name} has type {code}; {', '.join(TYPES)} can be read.")
    count = 1
    for n in shape:
        count *= n
    if not 0 <= begin <= end <= size - start or end - begin != count * SIZES[code]:
        raise ExportError(f"{path} is cut short or damaged: {name} lies outside of it.")
    if count == 0:
        return torch.empty(shape, dtype=TYPES[code])
    return torch.frombuffer(data, dtype=TYPES[code], count=count, offset=start + begin).reshape(shape)


def write(path, tensors):
    header, at = {}, 0
    for name, t in tensors.items():
        header[name] = {"dtype": CODES[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + t.numel() * t.element_size()]}
        at = header[name]["data_offsets"][1]
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    with open(path, "wb") as f:
        f.write(len(raw).to_bytes(8, "little") + raw)
        for t in tensors.values():
            f.write(t.detach().cpu().contiguous().view(torch.int16 if t.dtype == torch.bfloat16 else t.dtype).numpy().tobytes())
