"""The autoencoder keeps within float16 where the plain one does not."""
import unittest

import interpreter
import tiny
import torch

from export.errors import ExportError
from export.half import HALF_MAX, fit_half
from export.operators import Style
from export.vae_graph import decoder_graph, encoder_graph

CUDA = Style.of("cuda", "fp16")


@torch.no_grad()
def loud(factor):
    """An autoencoder whose residual stream and inner values are `factor` times as large as usual."""
    vae = tiny.vae()
    for half in (vae.decoder, vae.encoder):
        half.conv_in.weight *= factor
        half.mid_block.resnets[0].conv2.weight *= factor
        half.mid_block.resnets[1].conv1.weight *= factor
        half.mid_block.attentions[0].to_out[0].weight *= factor
    vae.decoder.up_blocks[0].upsamplers[0].conv.weight *= 2
    return vae


class Half(unittest.TestCase):
    def setUp(self):
        g = torch.Generator().manual_seed(8)
        self.latent, self.picture = torch.randn(2, 4, 4, 6, generator=g), torch.rand(2, 3, 32, 48, generator=g) * 2 - 1

    def run_half(self, vae):
        top = [0.0]

        def watch(_, outputs):
            top[0] = max([top[0]] + [float(o.float().abs().max()) for o in outputs if o.is_floating_point()])
        decoded = interpreter.run(decoder_graph(vae, CUDA).model(), {"latent_sample": self.latent.half()}, watch=watch)["sample"]
        encoded = interpreter.run(encoder_graph(vae, CUDA).model(), {"sample": self.picture.half()}, watch=watch)["latent_parameters"]
        return decoded, encoded, top[0]

    @torch.no_grad()
    def test_values_that_overflow_are_made_smaller_and_the_picture_stays(self):
        vae = loud(1e5)
        _, _, top = self.run_half(vae)
        self.assertFalse(top <= HALF_MAX, "the plain one must overflow, or this proves nothing")
        decoded, encoded, top = self.run_half(fit_half(vae))
        self.assertLess(top, HALF_MAX / 2)
        self.assertLess(tiny.relative(decoded, vae.decode(self.latent)), 1e-2)
        self.assertLess(tiny.relative(encoded, vae.encode(self.picture)), 1e-2)

    @torch.no_grad()
    def test_in_float32_both_are_the_same(self):
        vae = loud(1e5)
        fitted = fit_half(vae)
        self.assertLess(tiny.relative(fitted.decode(self.latent), vae.decode(self.latent)), 1e-6)
        self.assertLess(tiny.relative(fitted.encode(self.picture), vae.encode(self.picture)), 1e-6)

    def test_one_that_fits_is_left_alone(self):
        vae = tiny.vae()
        for (name, a), b in zip(vae.state_dict().items(), fit_half(vae).state_dict().values()):
            self.assertTrue(torch.equal(a, b), name)

    def test_broken_weights_are_refused(self):
        with self.assertRaisesRegex(ExportError, "vae.decoder: activations reach"):
            fit_half(loud(float("inf")))


if __name__ == "__main__":
    unittest.main()
