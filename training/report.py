"""The figures of an evaluation as Markdown, and their way into the model card.

  python3 report.py --work work                          # prints the tables
  python3 report.py --work work --card ../models/starter/MODEL_CARD.md --docs ../docs --of "one NVIDIA H100, 2026-11-28"

In the card, what stands between <!-- measured --> and <!-- /measured --> is replaced by the figures of work/results.json, what stands
between <!-- sweep --> and <!-- /sweep --> by those of work/sweep.json; the contact sheets go to the folder of --docs.
"""
import argparse
import json
import os
import shutil

ASKED = {"background word": (.99, .98), "object, styles 3d, flat, cartoon": (.75, .50), "style": (.85, .80),
         "both objects of a pair": (.50, .40), "place": (.90, None), "size": (.90, None)}


def share(v):
    return f"{v[0]:.3f}".replace("0.", ".", 1) if v else ""


def table(results):
    real = results.get("real", {}).get("summary", {})
    out = ["| share right | seen | held out | real drawings: seen, held out | asked: seen, held out | pictures: seen, held out |", "|---|---|---|---|---|---|"]
    two = lambda a, b: ", ".join(x for x in (a, b) if x)
    for name, (seen, held) in results["summary"].items():
        if not seen and not held:
            continue
        asked = [f"{x:.2f}".replace("0.", ".", 1) if x else "" for x in ASKED.get(name, (None, None))]
        missed = [v for v, x in zip((seen, held), ASKED.get(name, (None, None))) if v and x and v[0] < x]
        a, b = real.get(name, (None, None))
        out.append(f"| {name}{' (missed)' if missed else ''} | {share(seen)} | {share(held)} | {two(share(a), share(b))} | {two(*asked)} "
                   f"| {two(*(f'{v[1]:,}' if v else '' for v in (seen, held)))} |")
    return out


def measured(results, of):
    drawing = results.get("drawing", {})
    speed = f", {drawing['pictures'] / drawing['seconds']:.1f} pictures/s" if drawing.get("seconds") else ""
    most = 4 * results["prompts"]
    out = [f"{results['pictures']:,} pictures of {results['prompts']:,} prompts, "
           + ("four seeds each" if results["pictures"] == most else f"one to four seeds each (of {most:,} the time was enough for so many)")
           + f", drawn through the service with the defaults{speed}{f' ({of})' if of else ''}.", "", *table(results)]
    never = results["groups"].get("heldout_style", {}).get("unseen")
    if never is not None:
        out += ["", f"Drawings that training never saw (held-out styles): in {100 * never:.0f}% of their pictures the unseen drawing itself is nearer than any of the "
                "trained ones, of all styles (by the signature in `measures.py`)."]
    return out


def swept(sweep):
    two = lambda v: ", ".join(share(x) for x in v if x)
    names = ["background word", "object, styles 3d, flat, cartoon", "style", "both objects of a pair", "place", "size"]
    most = max(r["pictures"] for r in sweep.values())
    out = [f"Through the service, {most} pictures a row, each figure for seen and held-out prompts; `distance` is how far the object is from the real drawing (seen, held-out background; by "
           "the signature in `measures.py`, lower is better):", "",
           "| guidance, rescale, steps, scheduler | background | object | style | both of a pair | place | size | distance | pictures/s |", "|---|---|---|---|---|---|---|---|---|"]
    for setting, r in sweep.items():
        d = [r["groups"][g]["distance"] for g in ("seen", "heldout_background") if "distance" in r["groups"].get(g, {})]
        drawing = r.get("drawing", {})
        speed = f"{drawing['pictures'] / drawing['seconds']:.1f}" if drawing.get("seconds") else ""
        out.append(f"| {setting.replace(',', ', ')} | " + " | ".join([*(two(r["summary"][n]) for n in names), ", ".join(f"{x:.2f}" for x in d), speed]) + " |")
    return out


def put(path, name, lines):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"{path} has no place for it between {begin.strip()} and {end}")
    head, rest = text.split(begin)
    with open(path, "w", encoding="utf-8") as f:
        f.write(head + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1])


SHEETS = {
    "contact": "The first prompts of every group with their first seed, chosen by nobody: a group a row, in this order: {groups}.",
    "nearest": "Pictures (odd rows) and, below each, the nearest of all drawings that training saw, in whatever style (by the signature in `measures.py`): in the first pair of rows prompts "
               "that were trained on, in the second known drawings on a background that they never had, in the third drawings that were never seen in that style. The first of each list, chosen by nobody."}


def with_sheets(work, docs, card, groups):
    """Copies the contact sheets -> the card's lines that show them"""
    out = []
    for name, text in SHEETS.items():
        source = os.path.join(work, f"{name}.jpg")
        if os.path.exists(source):
            shutil.copyfile(source, os.path.join(docs, f"starter-{name}.jpg"))
            path = os.path.relpath(os.path.join(docs, f"starter-{name}.jpg"), os.path.dirname(card)).replace(os.sep, "/")
            out += ["", f"![{'pictures of every group' if name == 'contact' else 'the training drawing nearest to each'}]({path})", "",
                    text.format(groups=", ".join(g.replace("_", " ") for g in groups if ":" not in g))]
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--work", default="work", help="what evaluate_service.sh left")
    ap.add_argument("--card")
    ap.add_argument("--docs", help="folder for the contact sheets")
    ap.add_argument("--of", help="machine and date, for the sentence above the table")
    ap.add_argument("--to", help="Markdown file instead of the screen")
    o = ap.parse_args()
    parts = {}
    for name in ("results", "sweep"):
        path = os.path.join(o.work, f"{name}.json")
        if os.path.exists(path):
            with open(path) as f:
                parts[name] = json.load(f)
    if not parts:
        raise SystemExit(f"{o.work} has neither results.json nor sweep.json")
    lines = {}
    if "results" in parts:
        lines["measured"] = measured(parts["results"], o.of)
        if o.docs and o.card:
            lines["measured"] += with_sheets(o.work, o.docs, o.card, parts["results"]["groups"])
    if "sweep" in parts:
        lines["sweep"] = swept(parts["sweep"])
    for name, text in lines.items():
        if o.card:
            put(o.card, name, text)
    text = "\n\n".join("\n".join(part) for part in lines.values()) + "\n"
    if o.to:
        with open(o.to, "w") as f:
            f.write(text)
    elif not o.card:
        print(text, end="")


if __name__ == "__main__":
    main()
