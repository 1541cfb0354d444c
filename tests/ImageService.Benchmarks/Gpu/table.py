"""What the steps of Gpu/run left in a folder -> gpu.json, and table.md for docs/benchmarks.md."""
import json
import os
import sys

# Floating-point operations (a multiply-add is two) of convolutions, products and attention, counted from the architectures: a row of the U-Net, the text
# encoders for one prompt, the VAE decoder. In TFLOP.
WORK = {"sd15": (0.8033, 0.0133, 2.515), "sdxl": (6.761, 0.1112, 10.470)}


def load(folder, name):
    path = os.path.join(folder, name + ".json")
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def main(folder):
    parts = {name[:-5]: load(folder, name[:-5]) for name in sorted(os.listdir(folder)) if name.endswith(".json") and name != "gpu.json"}
    rate = next((f["tflops"] for f in (parts.get("matmul") or {}).get("figures", [])), None)
    lines = []
    for model in WORK:
        lines += calls(parts, model, rate) + service(parts, model, rate) + launches(parts, model) + failures(parts, model)
    with open(os.path.join(folder, "gpu.json"), "w", encoding="utf-8") as f:
        json.dump(parts, f, indent=1)
    text = "\n".join(lines) + "\n"
    with open(os.path.join(folder, "table.md"), "w", encoding="utf-8") as f:
        f.write(text)
    print(text)


def calls(parts, model, rate):
    torch = {}
    for part in (f"torch-{model}", f"torch-{model}-compiled"):
        for f in (parts.get(part) or {}).get("figures", []):
            torch[f["mode"], f["rows"]] = f.get("ms")
    ours = {c["rows"]: c for c in first(parts.get(f"ours-{model}"), "calls").get("u_net", [])}
    plain = {c["rows"]: c for c in first(parts.get(f"plain-{model}"), "calls").get("u_net", [])}
    rows = sorted({r for _, r in torch} | set(ours) | set(plain))
    if not rows:
        return []
    modes = [m for m in ("eager", "reduce-overhead", "max-autotune") if any(k[0] == m for k in torch)]
    head = ["rows", *(f"PyTorch {m}" if m == "eager" else f"torch.compile {m}" for m in modes), "ours without graphs", "ours", "ours of best torch.compile", "floor", "floor of ours"]
    lines = [f"### {model}: ms a U-Net call", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for r in rows:
        here = ours.get(r, {}).get("ms")
        compiled = [torch[m, r] for m in modes if m != "eager" and torch.get((m, r))]
        floor = WORK[model][0] * r / rate * 1000 if rate else None
        cells = [r, *(torch.get((m, r)) for m in modes), plain.get(r, {}).get("ms"), here, here / min(compiled) if here and compiled else None, floor, floor / here if floor and here else None]
        lines.append("| " + " | ".join("" if c is None else str(c) if isinstance(c, int) else f"{c:.2f}" for c in cells) + " |")
    return lines + [""]


def service(parts, model, rate):
    s = first(parts.get(f"service-{model}"), "services")
    if not s:
        return []
    unet, text, decoder = WORK[model]
    tflop = 2 * unet * s["steps"] + 2 * text + decoder
    share = f"{100 * tflop * s['images_per_second'] / rate:.1f} %" if rate else "?"
    idle = "?" if s["gpu_idle"] is None else f"{100 * s['gpu_idle']:.1f} %"
    return [f"{model}, {s['side']}x{s['side']}, {s['steps']} steps: one client {s['one_client_ms']:.0f} ms without PNG and store, {s['one_client_latency_ms']:.0f} ms as it sees it; "
            f"{s['clients']} clients {s['images_per_second']:.2f} images/s, {s['mean_rows']:.1f} rows a call, GPU idle {idle}, {share} of the matrix rate; an exact picture alone and under load {'is the same file' if s['exact_repeats'] else 'DIFFERS'}; ready after {s['start_seconds']:.0f} s", ""]


def launches(parts, model):
    part = parts.get(f"launches-{model}")
    if not part:
        return []
    seen = sorted(part["between"], key=lambda b: -b["times"])[:3]
    return [f"{model}: {part['graph_launches']} graphs launched; between one and the next " +
            "; ".join(f"{b['times']} times {b['kernels']} kernels, {b['copies']} copies, {b['fills']} fills" for b in seen), ""]


def failures(parts, model):
    small, lost = (parts.get(f"memory-{model}") or {}).get("small_memory"), (parts.get(f"loss-{model}") or {}).get("lost_device")
    lines = []
    if small:
        lines += [f"{model}: {small['pictures']} pictures at once in {small['arena_mebibytes']} MiB: {small['succeeded']} succeeded; row budget {len(small['lowered'])} times lowered{', under way' if small['under_way'] else ''}", ""]
    if lost:
        lines += [f"{model}: device lost under {lost['jobs']} jobs: exit code {lost['exit_code']} after {lost['seconds']:.1f} s; the next process finished {lost['succeeded']}, "
                  f"{lost['same']} with the bytes of an undisturbed run, attempts counted {lost['most_attempts']}", ""]
    return lines


def first(part, name):
    return ((part or {}).get(name) or [{}])[0]


if __name__ == "__main__":
    main(sys.argv[1])
