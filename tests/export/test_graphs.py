"""Every graph gives what its module gives, and holds nothing that keeps it off the GPU."""
import unittest
from collections import Counter

import interpreter
import onnx
import tiny
import torch

from export.clip_graph import clip_graph
from export.operators import Style
from export.unet_graph import unet_graph
from export.vae_graph import decoder_graph, encoder_graph

CPU, CUDA32 = Style.of("cpu", "fp32"), Style.of("cuda", "fp32")
CUDA, PACKED, OWN = Style.of("cuda", "fp16"), Style.of("cuda", "fp16", "packed"), Style.of("cuda", "fp16", kernels="imageservice")
STYLES = [CPU, CUDA32, CUDA, PACKED, OWN]


def allowed(style):
    return 1e-2 if style.dtype == torch.float16 else 1e-5


class UNetGraphs(unittest.TestCase):
    @torch.no_grad()
    def test_every_family_gives_what_the_module_gives(self):
        for family, config in tiny.UNETS.items():
            module, inputs = tiny.unet(family), tiny.unet_inputs(config)
            wanted = module(**inputs)
            for style in STYLES:
                for size in ((None, None), (8, 16)):
                    with self.subTest(family=family, style=style, size=size):
                        model = unet_graph(module, style, *size).model()
                        given = interpreter.run(model, tiny.in_type(inputs, style.dtype))["out_sample"]
                        self.assertLess(tiny.relative(given, wanted), allowed(style))

    @torch.no_grad()
    def test_rows_do_not_see_each_other(self):
        module, inputs = tiny.unet("sdxl"), tiny.unet_inputs(tiny.UNETS["sdxl"], rows=3)
        model = unet_graph(module, CUDA32).model()
        together = interpreter.run(model, inputs)["out_sample"]
        for row in range(3):
            alone = interpreter.run(model, {k: v[row:row + 1] for k, v in inputs.items()})["out_sample"]
            self.assertLess(tiny.relative(alone, together[row:row + 1]), 1e-5)

    @torch.no_grad()
    def test_the_width_at_which_gelu_is_fused(self):
        config = tiny.UNetConfig(widths=[320, 320], attention=[True, False], heads=[8, 8], layers_per_transformer=[1, 1], layers_per_block=1, context_width=24)
        module, inputs = tiny.build(lambda: tiny.UNet(config), 5), tiny.unet_inputs(config)
        model = unet_graph(module, CUDA).model()
        kinds = Counter(node.op_type for node in model.graph.node)
        self.assertGreater(kinds["BiasSplitGelu"], 0)
        self.assertGreater(kinds["BiasAdd"], 0)
        given = interpreter.run(model, tiny.in_type(inputs, torch.float16))["out_sample"]
        self.assertLess(tiny.relative(given, module(**inputs)), 1e-2)


class OtherGraphs(unittest.TestCase):
    @torch.no_grad()
    def test_autoencoder(self):
        module, g = tiny.vae(), torch.Generator().manual_seed(6)
        latent, picture = torch.randn(2, 4, 4, 6, generator=g), torch.rand(2, 3, 32, 48, generator=g) * 2 - 1
        for style in STYLES:
            for size in ((None, None), (4, 6)):
                with self.subTest(style=style, size=size):
                    given = interpreter.run(decoder_graph(module, style, *size).model(), {"latent_sample": latent.to(style.dtype)})["sample"]
                    self.assertLess(tiny.relative(given, module.decode(latent)), allowed(style))
                    given = interpreter.run(encoder_graph(module, style, *size).model(), {"sample": picture.to(style.dtype)})["latent_parameters"]
                    self.assertLess(tiny.relative(given, module.encode(picture)), allowed(style))

    @torch.no_grad()
    def test_text_encoders(self):
        ids = torch.randint(2, tiny.WORDS, (3, 77), generator=torch.Generator().manual_seed(7))
        for row, end in enumerate((1, 30, 76)):
            ids[row, end] = 1
            ids[row, 77 - 20 * (row == 0):] = 1            # padding of end tokens: the first one counts
        for family in tiny.TEXT_ENCODERS:
            for module in tiny.text_encoders(family):
                last, pooled, states = module(ids)
                for style in STYLES:
                    with self.subTest(family=family, style=style):
                        given = interpreter.run(clip_graph(module, style).model(), {"input_ids": ids})
                        self.assertLess(tiny.relative(given["last_hidden_state"], last), allowed(style))
                        for i, state in enumerate(states):
                            self.assertLess(tiny.relative(given[f"hidden_states.{i}"], state), allowed(style))
                        self.assertEqual("text_embeds" in given, pooled is not None)
                        if pooled is not None:
                            self.assertLess(tiny.relative(given["text_embeds"], pooled), allowed(style))


class Structure(unittest.TestCase):
    # Operators that have a kernel for the CUDA provider and run on the device.
    ON_DEVICE = {"Add", "Sub", "Mul", "Cast", "Concat", "Cos", "Equal", "Gather", "Gemm", "LayerNormalization", "MatMul", "Relu", "Reshape", "Resize", "Sigmoid",
                 "Sin", "Split", "Transpose", "BiasAdd", "BiasGelu", "BiasSplitGelu", "Gelu", "GroupNorm", "MultiHeadAttention", "NhwcConv", "QuickGelu",
                 "SkipGroupNorm", "SkipLayerNormalization"}

    def graphs(self, style, fixed=True):
        size, vae = (8, 16) if fixed else (None, None), tiny.vae()
        yield from ((f, unet_graph(tiny.unet(f), style, *size).model()) for f in tiny.UNETS)
        yield "decoder", decoder_graph(vae, style, *size).model()
        yield "encoder", encoder_graph(vae, style, *size).model()
        yield from ((f, clip_graph(m, style).model()) for f in tiny.TEXT_ENCODERS for m in tiny.text_encoders(f))

    def test_all_of_a_fixed_size_runs_on_the_device(self):
        for name, model in self.graphs(CUDA):
            with self.subTest(name):
                self.assertLessEqual({node.op_type for node in model.graph.node}, self.ON_DEVICE)

    def test_own_kernels_take_in_what_stands_between_convolutions_and_products(self):
        for name, model in self.graphs(OWN):
            kinds = Counter((node.domain, node.op_type) for node in model.graph.node)
            weights = {t.name: t for t in model.graph.initializer}
            with self.subTest(name):
                self.assertLessEqual({op for _, op in kinds}, self.ON_DEVICE | {"LayerNorm", "GatedGelu"})
                self.assertEqual({op for domain, op in kinds if domain == "com.microsoft"} & {"GroupNorm", "SkipGroupNorm", "BiasSplitGelu"}, set())
                for node in model.graph.node:
                    if (node.domain, node.op_type) == ("imageservice", "GroupNorm"):
                        self.assertEqual([weights[i].data_type for i in node.input[1:3]], [onnx.TensorProto.FLOAT] * 2)
                    # Of sines and cosines alone: everything else is joined on the way into a norm.
                    if node.op_type == "Concat":
                        self.assertTrue(all(i.startswith(("Cos", "Sin")) for i in node.input), node.input)

    def test_shapes_are_read_for_reshapes_alone(self):
        for name, model in self.graphs(CUDA, fixed=False):
            shapes = {node.output[0] for node in model.graph.node if node.op_type == "Shape"}
            constants = {t.name for t in model.graph.initializer}
            with self.subTest(name):
                self.assertLessEqual(len(shapes), 4)
                self.assertLessEqual({node.op_type for node in model.graph.node}, self.ON_DEVICE | {"Shape"})
                for node in model.graph.node:
                    for at, value in enumerate(node.input):
                        if value in shapes:
                            self.assertEqual((node.op_type, at), ("Reshape", 1))
                    if node.op_type == "Reshape":
                        self.assertIn(node.input[1], shapes | constants)

    def test_norms_are_float32_and_convolutions_nhwc(self):
        for name, model in self.graphs(CUDA):
            weights = {t.name: t for t in model.graph.initializer}
            with self.subTest(name):
                for node in model.graph.node:
                    if node.op_type in ("GroupNorm", "SkipGroupNorm"):
                        self.assertEqual([weights[i].data_type for i in node.input[1:3]], [onnx.TensorProto.FLOAT] * 2)
                        self.assertEqual(node.domain, "com.microsoft")
                    if node.op_type == "NhwcConv":
                        kernel = next(a.ints for a in node.attribute if a.name == "kernel_shape")
                        self.assertEqual(list(weights[node.input[1]].dims[1:3]), list(kernel))
                others = {t.data_type for n, t in weights.items() if "norm" not in n and not n.startswith(("frequencies", "scales", "ints", "eos"))}
                self.assertEqual(others, {onnx.TensorProto.FLOAT16})

    def test_parts_that_are_joined_or_split_have_one_size(self):
        # Others are described to the CUDA kernel by copies from the host. The interpreter refuses uneven splits.
        model = unet_graph(tiny.unet("sd15"), CUDA, 8, 16).model()
        sizes, uneven = {}, []

        def watch(node, outputs):
            if node.op_type == "Concat":
                parts = [sizes.get(i) for i in node.input]
                uneven.extend([node.name] if len(set(parts)) != 1 else [])
            sizes.update({name: tuple(o.shape) for name, o in zip(node.output, outputs)})
        interpreter.run(model, tiny.in_type(tiny.unet_inputs(tiny.UNETS["sd15"]), torch.float16), watch=watch)
        self.assertEqual(uneven, [])

    def test_standard_graphs_pass_the_checker_and_use_nothing_else(self):
        for fixed in (False, True):
            for name, model in self.graphs(CPU, fixed):
                with self.subTest(name, fixed=fixed):
                    onnx.checker.check_model(model, full_check=True)
                    self.assertEqual({node.domain for node in model.graph.node}, {""})

    def test_names_are_unique_and_everything_is_used(self):
        for style in STYLES:
            for name, model in self.graphs(style):
                with self.subTest(name, style=style):
                    made = [o for node in model.graph.node for o in node.output if o] + [t.name for t in model.graph.initializer]
                    self.assertEqual(len(made), len(set(made)))
                    onnx.checker.check_model(model)


if __name__ == "__main__":
    unittest.main()
