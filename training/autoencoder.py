"""The autoencoder: 256x256x3 pictures <-> 32x32x4 latents (a factor of 8, KL-regularised, no attention).

The layers at full picture size are the dear ones on a processor, so there are almost none: the encoder begins by
folding 2x2 pixels into channels, the decoder ends by unfolding them (and then smooths with two thin convolutions,
against a visible 2x2 pattern). Purely convolutional, so every multiple of 8 works.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

LATENT = 4
ENCODER = (48, 96, 160)       # channels at 1/2, 1/4, 1/8 of the picture
DECODER = (64, 128, 192)
THIN = 16                     # channels at full size


class Res(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(16, c), nn.Conv2d(c, c, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(16, c), nn.Conv2d(c, c, 3, padding=1)
        nn.init.zeros_(self.conv2.weight), nn.init.zeros_(self.conv2.bias)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(h)))


class Up(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        a, b, c = ENCODER
        self.net = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(12, a, 3, padding=1), Res(a),
            nn.Conv2d(a, b, 3, stride=2, padding=1), Res(b),
            nn.Conv2d(b, c, 3, stride=2, padding=1), Res(c),
            nn.GroupNorm(16, c), nn.SiLU(), nn.Conv2d(c, 2 * LATENT, 3, padding=1))

    def forward(self, x):
        """[b,3,h,w] in -1..1 -> [b,8,h/8,w/8]: mean and log-variance"""
        return self.net(x)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        a, b, c = DECODER
        self.net = nn.Sequential(
            nn.Conv2d(LATENT, c, 3, padding=1), Res(c), Res(c), Up(c, b), Res(b), Up(b, a), Res(a), Res(a),
            nn.GroupNorm(16, a), nn.SiLU(), nn.Conv2d(a, 4 * THIN, 3, padding=1), nn.PixelShuffle(2), nn.SiLU(),
            nn.Conv2d(THIN, THIN, 3, padding=1), nn.SiLU(), nn.Conv2d(THIN, 3, 3, padding=1))

    def forward(self, z):
        """unscaled latents [b,4,h,w] -> [b,3,8h,8w] in about -1..1"""
        return self.net(z)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def forward(self, x):
        mean, logvar = self.encoder(x).chunk(2, 1)
        logvar = logvar.clamp(-20, 10)
        z = mean + torch.randn_like(mean) * (.5 * logvar).exp()
        return self.decoder(z), mean, logvar


if __name__ == "__main__":
    net = Autoencoder()
    for part in (net.encoder, net.decoder):
        print(f"{sum(p.numel() for p in part.parameters()) / 1e6:.2f} M parameters")
    print(net(torch.randn(1, 3, 256, 192))[0].shape)
