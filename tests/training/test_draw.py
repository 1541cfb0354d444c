"""training/draw.py against a service that is full, fails, goes away and comes back:  python3 -m unittest discover -s tests/training"""
import contextlib
import http.server
import io
import json
import os
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "training"))
import draw  # noqa: E402

PROMPTS = [dict(prompt=f"thing {k}", seed=4 * k) for k in range(5)]


class Service(http.server.ThreadingHTTPServer):
    """Answers jobs as the product does; `script` says what the first submits get instead."""
    def __init__(self, script=(), pace=0.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.pace, self.jobs, self.lock = list(script), pace, [], threading.Lock()
        threading.Thread(target=self.serve_forever, args=(.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, code, body, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        for k, v in {"Content-Length": len(body), **headers}.items():
            self.send_header(k.replace("_", "-"), str(v))
        self.end_headers()
        self.wfile.write(body)

    def job(self, k, status):
        return dict(id=str(k), status=status, error=dict(code="numeric") if status == "failed" else None,
                    images=[dict(index=0, url=f"/v1/jobs/{k}/images/0")] if status == "succeeded" else [])

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            step = self.server.script.pop(0) if self.server.script else "succeeded"
            if step in ("succeeded", "running", "failed"):
                self.server.jobs.append(body)
            k = len(self.server.jobs) - 1
        time.sleep(self.server.pace)
        if step == "full":
            self.answer(503, {}, Retry_After=1)
        elif step == "cut off":
            self.connection.close()
        elif step == "refused":
            self.answer(400, dict(title="no such model"))
        else:
            self.answer(202 if step == "running" else 200, self.job(k, step))

    def do_GET(self):
        k = int(self.path.split("/")[3])
        self.answer(200, f"picture {self.server.jobs[k]['seed']}".encode() if "images" in self.path else self.job(k, "succeeded"))

    def log_message(self, *_):
        pass


def run(urls, **more):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        draw.draw_all(urls, PROMPTS, **more)
    return said.getvalue()


class Draw(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory()) if hasattr(self, "enterContext") else tempfile.mkdtemp()

    def pictures(self):
        return sorted(int(n[:-4]) for n in os.listdir(self.folder) if n.endswith(".png"))

    def test_each_prompt_has_its_first_picture_before_any_has_its_second(self):
        s = Service()
        run([s.url], folder=self.folder, images=2, clients=1)
        self.assertEqual(sorted(j["seed"] for j in s.jobs[:5]), [0, 4, 8, 12, 16])
        self.assertEqual(self.pictures(), [0, 1, 4, 5, 8, 9, 12, 13, 16, 17])
        with open(os.path.join(self.folder, "5.png"), "rb") as f:
            self.assertEqual(f.read(), b"picture 5")

    def test_a_full_service_is_asked_again_when_it_says(self):
        s, began = Service(["full", "running", "cut off"]), time.time()
        run([s.url], folder=self.folder, images=1, clients=1)
        self.assertEqual(self.pictures(), [0, 4, 8, 12, 16])
        self.assertGreater(time.time() - began, 1)

    def test_another_service_does_the_work_of_one_that_is_away(self):
        away = Service()
        away.shutdown()
        away.server_close()
        run([away.url, Service().url], folder=self.folder, images=1, clients=2)
        self.assertEqual(len(self.pictures()), 5)

    def test_a_failed_picture_is_told_and_the_others_are_drawn(self):
        said = run([Service(["failed", "refused"]).url], folder=self.folder, images=1, clients=1)
        self.assertEqual(len(self.pictures()), 3)
        self.assertEqual(said.count("no picture:"), 2)
        self.assertIn("numeric", said)
        self.assertIn("no such model", said)

    def test_nothing_drawn_and_something_refused_is_an_error(self):
        with self.assertRaises(SystemExit):
            run([Service(["refused"] * 9).url], folder=self.folder, images=1, clients=1)

    def test_it_ends_in_time_and_goes_on_later(self):
        s, began = Service(pace=.3), time.time()
        run([s.url], folder=self.folder, images=4, clients=2, seconds=1)
        self.assertLess(time.time() - began, 4)
        first = len(self.pictures())
        self.assertTrue(2 <= first < 20, first)
        s.pace = 0
        run([s.url], folder=self.folder, images=4, clients=2)
        self.assertEqual(len(self.pictures()), 20)
        self.assertEqual(len(s.jobs), 20)
        with open(os.path.join(self.folder, "drawing.json")) as f:
            self.assertEqual(json.load(f)["pictures"], 20)


if __name__ == "__main__":
    unittest.main()
