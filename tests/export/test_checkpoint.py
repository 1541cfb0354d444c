"""What is read from a checkpoint, and what is refused with the file and the field in one sentence."""
import json
import os
import shutil
import tempfile
import unittest

import tiny
import torch

from export import safetensors
from export.checkpoint import load_text_encoder, load_unet, load_vae
from export.errors import ExportError
from export.source import from_checkpoint


class Checkpoints(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "model")

    def at(self, path):
        return os.path.join(self.folder, path)

    def write(self, family="sd15", **options):
        return tiny.write_checkpoint(self.folder, family, **options)

    def set(self, path, **fields):
        with open(self.at(path), encoding="utf-8") as f:
            values = json.load(f)
        values.update(fields)
        with open(self.at(path), "w", encoding="utf-8") as f:
            json.dump({k: v for k, v in values.items() if v is not None}, f)

    def edit(self, path, change):
        tensors = {k: v.clone() for k, v in safetensors.read(self.at(path)).items()}
        change(tensors)
        safetensors.write(self.at(path), tensors)

    def assert_same(self, a, b):
        for (name, x), (other, y) in zip(a.state_dict().items(), b.state_dict().items()):
            self.assertEqual(name, other)
            self.assertTrue(torch.equal(x.float(), y.float()), name)

    def test_every_family_comes_back_as_it_was_written(self):
        for family in tiny.TEXT_ENCODERS:
            self.write(family)
            given = from_checkpoint(self.folder)
            self.assertEqual(given.unet.config, tiny.UNETS[family])
            self.assertEqual(given.vae.config, tiny.VAE)
            self.assertEqual([e.config for e in given.text_encoders], tiny.TEXT_ENCODERS[family])
            for a, b in zip([given.unet, given.vae, *given.text_encoders], [tiny.unet(family), tiny.vae(), *tiny.text_encoders(family)]):
                self.assert_same(a, b)
            shutil.rmtree(self.folder)

    def test_shards_float16_and_bfloat16(self):
        self.write(shards=3)
        self.assert_same(load_unet(self.at("unet")), tiny.unet("sd15"))
        for dtype in (torch.float16, torch.bfloat16):
            shutil.rmtree(self.folder)
            self.write(dtype=dtype, variant=".fp16")
            self.assert_same(load_unet(self.at("unet")), tiny.unet("sd15").to(dtype))

    def test_names_of_2022_and_of_transformers_5(self):
        self.write()
        old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

        def rename(tensors):
            for name in [n for n in tensors if "attentions" in n]:
                to = name
                for new, ancient in old.items():
                    to = to.replace("." + new + ".", "." + ancient + ".")
                tensors[to] = tensors.pop(name)
        self.edit("vae/diffusion_pytorch_model.safetensors", rename)
        self.assert_same(load_vae(self.at("vae")), tiny.vae())

        def strip(tensors):
            for name in list(tensors):
                tensors[name.replace("text_model.", "")] = tensors.pop(name)
            tensors["embeddings.position_ids"] = torch.arange(77)
        self.edit("text_encoder/model.safetensors", strip)
        self.assert_same(load_text_encoder(self.at("text_encoder"), False), tiny.text_encoders("sd15")[0])

    def test_end_token_2_means_the_last_word(self):
        self.write()
        self.set("text_encoder/config.json", eos_token_id=2)
        self.assertEqual(load_text_encoder(self.at("text_encoder"), False).config.eos, tiny.WORDS - 1)

    def refused(self, pattern):
        with self.assertRaisesRegex(ExportError, pattern):
            from_checkpoint(self.folder)

    def test_weights_that_do_not_fit(self):
        file = "unet/diffusion_pytorch_model.safetensors"
        for change, pattern in ((lambda t: t.pop("conv_in.weight"), r"unet/diff.*safetensors has no conv_in.weight, which .*unet/config.json"),
                                (lambda t: t.update({"conv_in.weight": torch.zeros(32, 5, 3, 3)}), r"conv_in.weight is \[32, 5, 3, 3\], but .* calls for \[32, 4, 3, 3\]"),
                                (lambda t: t.update({"down_blocks.9.x": torch.zeros(1)}), r"has down_blocks.9.x, which the architecture"),
                                (lambda t: t.update({"conv_in.bias": torch.zeros(32, dtype=torch.int64)}), r"conv_in.bias must be floating point")):
            self.write()
            self.edit(file, change)
            self.refused(pattern)
            shutil.rmtree(self.folder)

    def test_files_that_are_missing_or_broken(self):
        def cut(path, size):
            with open(self.at(path), "r+b") as f:
                f.truncate(size)
        file = "unet/diffusion_pytorch_model.safetensors"
        for change, pattern in ((lambda: os.remove(self.at(file)), "unet/diffusion_pytorch_model.safetensors is missing"),
                                (lambda: os.rename(self.at(file), self.at("unet/diffusion_pytorch_model.bin")), "safe_serialization"),
                                (lambda: cut(file, 5), "is not a safetensors file, or cut short"),
                                (lambda: cut(file, os.path.getsize(self.at(file)) - 4), "is cut short or damaged"),
                                (lambda: os.remove(self.at("vae/config.json")), "vae/config.json is missing"),
                                (lambda: cut("unet/config.json", 20), "unet/config.json is not JSON"),
                                (lambda: os.remove(self.at("tokenizer/merges.txt")), "tokenizer/merges.txt is missing"),
                                (lambda: os.remove(self.at("scheduler/scheduler_config.json")), "scheduler_config.json is missing"),
                                (lambda: os.remove(self.at("model_index.json")), "model_index.json is missing")):
            self.write()
            change()
            self.refused(pattern)
            shutil.rmtree(self.folder)
        self.refused("--checkpoint .* is not a folder")
        self.write(shards=2)
        os.remove(self.at("unet/diffusion_pytorch_model-00002-of-00002.safetensors"))
        self.refused("index.json: the file .*00002-of-00002.safetensors is missing")

    def test_architectures_that_are_not_built(self):
        self.write()
        unet, text = "unet/config.json", "text_encoder/config.json"
        for path, fields, pattern in ((unet, {"_class_name": "SD3Transformer2DModel"}, '_class_name must be "UNet2DConditionModel"'),
                                      (unet, {"class_embed_type": "timestep"}, "class_embed_type must be absent"),
                                      (unet, {"block_out_channels": [32, 64, 60]}, r"block_out_channels must be multiples of norm_num_groups \(8\)"),
                                      (unet, {"block_out_channels": "32"}, "block_out_channels must be a list"),
                                      (unet, {"attention_head_dim": [4, 4]}, "attention_head_dim must be a number or a list of 3"),
                                      (unet, {"attention_head_dim": 5}, r"block_out_channels must be divisible by the heads"),
                                      (unet, {"down_block_types": ["DownBlock2D", "KDownBlock2D", "DownBlock2D"]}, "down_block_types must be 3 of"),
                                      (unet, {"cross_attention_dim": 25}, r"cross_attention_dim is 25, but|calls for"),
                                      (unet, {"norm_num_groups": True}, "norm_num_groups must be a whole number"),
                                      ("vae/config.json", {"latents_mean": [0.0]}, "latents_mean must be absent"),
                                      (text, {"hidden_act": "relu"}, 'hidden_act must be "quick_gelu" or "gelu", not "relu"'),
                                      ("model_index.json", {"_class_name": "FluxPipeline"}, "_class_name must be .*StableDiffusionXLPipeline.*FluxPipeline"),
                                      ("model_index.json", {"text_encoder": None}, "text_encoder must be")):
            with self.subTest(pattern):
                shutil.rmtree(self.folder)
                self.write()
                self.set(path, **fields)
                self.refused(pattern)


if __name__ == "__main__":
    unittest.main()
