"""The command line, from a checkpoint to a folder; graphs of target cuda run in the interpreter."""
import contextlib
import io
import json
import os
import shlex
import sys
import tempfile
import unittest

import tiny
from paths import HERE

from export.__main__ import main
from export.check import check
from export.errors import ExportError
from export.write import write_folder

RUNNER = f"{shlex.quote(sys.executable)} {shlex.quote(os.path.join(HERE, 'run_graph.py'))}"


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.out = os.path.join(self.folder, "out", "model")

    def checkpoint(self, family="sd15"):
        return tiny.write_checkpoint(os.path.join(self.folder, "checkpoint"), family)

    def call(self, *arguments):
        said, complained = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            code = main(list(arguments) + ["--out", self.out])
        return code, said.getvalue(), complained.getvalue()

    def test_a_checkpoint_for_the_gpu_agrees_with_torch_and_is_complete(self):
        code, said, complaint = self.call("--checkpoint", self.checkpoint("sdxl"), "--height", "64", "--width", "128", "--external-data",
                                          "--attention", "packed", "--check", "--runner", RUNNER)
        self.assertEqual((code, complaint), (0, ""))
        for part in ("text_encoder", "text_encoder_2", "unet", "vae_decoder", "vae_encoder"):
            self.assertRegex(said, rf"(?m)^{part}: relative error \d\.\d+e-0[3-5] at most")
            self.assertTrue(os.path.isfile(os.path.join(self.out, part, "model.onnx.data")))
            self.assertTrue(os.path.isfile(os.path.join(self.out, part, "config.json")))
        for path in ("tokenizer/vocab.json", "tokenizer_2/merges.txt", "scheduler/scheduler_config.json"):
            self.assertTrue(os.path.isfile(os.path.join(self.out, path)), path)
        with open(os.path.join(self.out, "model_index.json"), encoding="utf-8") as f:
            index = json.load(f)
        self.assertEqual(index["imageservice_defaults"], {"width": 128, "height": 64})
        self.assertEqual(index["_class_name"], "StableDiffusionXLPipeline")
        self.assertNotIn("vae", index)
        self.assertNotIn("safety_checker", index)

    def test_a_graph_that_differs_is_told(self):
        source = tiny.source("sd15")
        source.configs["model_index.json"] = {}
        written = write_folder(source, self.out, "cpu", "fp32")
        path, _ = written["unet"]
        other = tiny.unet("sd15", seed=99)
        with self.assertRaisesRegex(ExportError, "out_sample differs from PyTorch by"):
            check({"unet": (path, other)}, "fp32", "cpu", RUNNER, log=lambda _: None)

    def test_what_cannot_be_done_is_said_in_a_sentence(self):
        checkpoint = self.checkpoint()
        for arguments, complaint in ((["--target", "cpu", "--precision", "fp16"], "precision must be fp32 with target cpu"),
                                     (["--height", "64"], "--height and --width go together"),
                                     (["--height", "60", "--width", "64"], "--height must be a multiple of 32 from 32 to 8192, not 60"),
                                     (["--height", "64", "--width", "9000"], "--width must be a multiple of 32"),
                                     (["--tokenizer", "x"], "--tokenizer goes with --random")):
            with self.subTest(complaint):
                code, _, said = self.call("--checkpoint", checkpoint, *arguments)
                self.assertEqual(code, 1)
                self.assertIn("export: " + complaint, said)
                self.assertFalse(os.path.exists(self.out))
        os.makedirs(self.out)
        with open(os.path.join(self.out, "x"), "w", encoding="utf-8"):
            pass
        code, _, said = self.call("--checkpoint", checkpoint)
        self.assertEqual(code, 1)
        self.assertIn("is there already", said)

    def test_a_runner_that_fails_is_told(self):
        code, _, said = self.call("--checkpoint", self.checkpoint(), "--target", "cpu", "--check", "--runner", "/nonexistent/program")
        self.assertEqual(code, 1)
        self.assertIn("/nonexistent/program cannot be started", said)


if __name__ == "__main__":
    unittest.main()
