"""Draws prompts through running services: many requests at a time, goes on where it stopped, may end at any time.

  evaluate.py service --url http://127.0.0.1:5080 [http://127.0.0.1:5090 ...] --prompts prompts.json --pictures shots [--seconds N]

Every prompt gets its first picture before any gets its second, in shuffled order, so that what is there when the time
ends is a fair sample. A picture is written under another name first: whoever reads the folder meanwhile sees whole ones.
"""
import json
import os
import random
import time
import urllib.error
import urllib.request
from multiprocessing.pool import ThreadPool

WAIT = 60                     # seconds that a request is held until its picture is done
PAUSE = 1                     # seconds before another try where the service does not say how long
GIVE_UP = 25                  # pictures refused or failed before it is not worth going on


def fetch(url, body=None, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=WAIT + 30) as answer:
        return answer.read()


def draw_one(urls, turn, prompt, seed, path, more, end):
    """-> None once the picture is there or the time is over, else why there will be none"""
    body = json.dumps(dict(prompt=prompt, seed=seed, **more)).encode()
    while time.time() < end:
        url = urls[turn % len(urls)]
        turn += 1                                           # another service next time, if this one is full or away
        hold = int(min(WAIT, 1 + end - time.time()))
        try:
            job = json.loads(fetch(url + "/v1/jobs", body, **{"Content-Type": "application/json", "Prefer": f"wait={hold}"}))
            while job["status"] in ("queued", "running"):
                if time.time() > end:
                    return None
                time.sleep(.5)
                job = json.loads(fetch(f"{url}/v1/jobs/{job['id']}"))
            if job["status"] != "succeeded":
                return f"{prompt}: {job.get('error')}"
            image = job["images"][0]["url"]
            with open(path + ".part", "wb") as f:
                f.write(fetch(image if image.startswith("http") else url + image))
            os.replace(path + ".part", path)
            return None
        except urllib.error.HTTPError as e:
            if e.code not in (429, 502, 503, 504):
                return f"{prompt}: {e.code} {e.read()[:200]!r}"
            wait = e.headers.get("Retry-After", "")
            time.sleep(min(float(wait) if wait.isdigit() else PAUSE, max(0, end - time.time())))
        except (OSError, ValueError):                       # not listening, cut off, or half an answer
            time.sleep(min(PAUSE, max(0, end - time.time())))
    return None


def draw_all(urls, prompts, folder, images, clients, seconds=None, more=None):
    """Pictures `folder`/<seed>.png that are not there yet; how long it took goes to `folder`/drawing.json, summed over runs."""
    os.makedirs(folder, exist_ok=True)
    order = list(range(len(prompts)))
    random.Random(7).shuffle(order)
    path = lambda seed: os.path.join(folder, f"{seed}.png")
    todo = [(prompts[i]["prompt"], prompts[i]["seed"] + k) for k in range(images) for i in order]
    todo = [t for t in todo if not os.path.exists(path(t[1]))]
    log = os.path.join(folder, "drawing.json")
    before = dict(pictures=0, seconds=0.0)
    if os.path.exists(log):
        with open(log) as f:
            before = json.load(f)
    began, drawn, refused, shown = time.time(), 0, [], time.time()
    end = began + seconds if seconds else float("inf")

    def write():
        spent = time.time() - began
        with open(log + ".part", "w") as f:
            json.dump(dict(pictures=before["pictures"] + drawn, seconds=round(before["seconds"] + spent, 1), services=len(urls)), f)
        os.replace(log + ".part", log)
        return f"{drawn} of {len(todo)} pictures, {drawn / max(spent, .001):.2f}/s"

    def one(job):
        turn, (prompt, seed) = job
        if time.time() < end and len(refused) < GIVE_UP:
            return draw_one(urls, turn, prompt, seed, path(seed), more or {}, end), os.path.exists(path(seed))
        return None, False

    with ThreadPool(clients) as pool:
        for why, there in pool.imap_unordered(one, enumerate(todo)):
            drawn += there
            if why:
                refused.append(why)
                print("no picture:", why, flush=True)
            if time.time() - shown > 10:
                print(write(), flush=True)
                shown = time.time()
    print(write() + (f", {len(refused)} refused" if refused else ""), flush=True)
    if refused and not drawn:
        raise SystemExit("nothing was drawn")
