"""Where the time of one U-Net call goes, kernel by kernel.

    ncu --csv --page raw --metrics gpu__time_duration.sum --clock-control none --cache-control none --launch-skip 6000 --launch-count 2600 \\
        PROGRAM gpu --models MODELS --model sd15 --part calls --plain --rows 16 --seconds 0 --out calls.json > ncu.csv
    python3 kernels.py ncu.csv --json kernels.json

Reads what Nsight Compute printed, finds the sequence of kernels that repeats (a call), and adds its times up by kind. Kernels are
timed one at a time, so the gaps between them are not in the sum.
"""
import argparse
import csv
import json
import re
from collections import defaultdict

# By the first pattern that a kernel's name has.
KINDS = [
    ("attention", r"flash|fmha|attention|softmax|sdpa"),
    ("convolution", r"conv|implicit|wgrad|fprop|dgrad|xmma.*nhwc|cutlass.*nhwc"),
    ("product", r"gemm|cutlass|cublas|nvjet|splitk|matmul"),
    ("normalisation", r"norm|groupnorm|layer_?norm"),
    ("copy", r"transpose|concat|split|copy|memcpy|memset|nchw|nhwc|resize|upsampl"),
]


def kind(name):
    return next((k for k, pattern in KINDS if re.search(pattern, name, re.IGNORECASE)), "elementwise")


def read(path):
    """[(name, microseconds)] in the order of launch."""
    with open(path, encoding="utf-8", errors="replace") as f:
        lines = [line for line in f if line.startswith('"')]
    rows = csv.DictReader(lines)
    kernels, scale = [], 1.0
    for row in rows:
        value = row["gpu__time_duration.sum"]
        if not row["Kernel Name"]:                # the line of units
            scale = {"ns": 1e-3, "nsecond": 1e-3, "us": 1.0, "usecond": 1.0, "ms": 1e3, "msecond": 1e3, "s": 1e6}[value]
            continue
        kernels.append((row["Kernel Name"], float(value.replace(",", "")) * scale, row.get("Grid Size", "")))
    return kernels


def one_call(kernels):
    """One period of the list's second half. The shortest one that holds throughout: within a call, too, blocks repeat."""
    names = [(k[0], k[2]) for k in kernels]
    half = len(names) // 2
    for length in range(20, half + 1):
        if names[half:] == names[half - length:-length]:
            return kernels[-length:]
    raise SystemExit("No sequence of kernels repeats: profile at least two calls.")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("csv")
    ap.add_argument("--json")
    ap.add_argument("--top", type=int, default=40, help="kernels to print")
    o = ap.parse_args()
    call = one_call(read(o.csv))
    kinds, names = defaultdict(lambda: [0, 0.0]), defaultdict(lambda: [0, 0.0])
    for name, us, _ in call:
        for table, key in ((kinds, kind(name)), (names, name)):
            table[key][0] += 1
            table[key][1] += us
    total = sum(us for _, us, _ in call)
    print(f"{len(call)} kernels, {total / 1000:.2f} ms")
    for table, top in ((kinds, None), (names, o.top)):
        for name, (count, us) in sorted(table.items(), key=lambda e: -e[1][1])[:top]:
            print(f"{us / 1000:8.3f} ms {100 * us / total:5.1f} % {count:5d}  {name[:150]}")
    if o.json:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump({"kernels": len(call), "ms": total / 1000, "kinds": {k: {"count": c, "ms": us / 1000} for k, (c, us) in kinds.items()}}, f, indent=1)


if __name__ == "__main__":
    main()
