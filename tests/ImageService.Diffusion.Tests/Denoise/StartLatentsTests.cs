using ImageService.Diffusion.Denoise;
using ImageService.Diffusion.Noise;
using ImageService.Testing;

namespace ImageService.Diffusion.Tests.Denoise;

public sealed class StartLatentsTests
{
    [Fact]
    public void Pixels_become_planes_between_minus_one_and_one()
    {
        var planes = new float[6];
        StartLatents.Normalize([0, 255, 51, 255, 0, 204], planes);
        Assert.Equal([-1, 1, 1, -1, -0.6f, 0.6f], planes.Select(p => MathF.Round(p, 6)));
    }

    [Fact]
    public void Masks_cut_at_one_half_and_take_the_upper_left_pixel()
    {
        byte[] mask =
        [
            128, 0, 127, 255,
            0, 0, 255, 255,
            255, 0, 0, 0,
            0, 0, 0, 0,
        ];
        var latents = new float[4];
        StartLatents.ResizeMask(mask, width: 2, scale: 2, latents);
        Assert.Equal([1, 0, 1, 0], latents);
    }

    [Fact]
    public void What_is_repainted_is_hidden_in_every_plane()
    {
        float[] planes = [1, 2, 3, 4, 5, 6];
        StartLatents.Hide(planes, [127, 128]);
        Assert.Equal([1, 0, 3, 0, 5, 0], planes);
    }

    [Fact]
    public void What_is_not_repainted_comes_back_in_every_channel()
    {
        float[] latents = [1, 2, 3, 4];
        StartLatents.KeepUnmasked(latents, [10, 20, 30, 40], [0, 1]);
        Assert.Equal([10, 2, 30, 4], latents);
    }

    [Fact]
    public void A_sample_of_the_posterior_takes_one_draw_and_is_scaled()
    {
        using var model = new FakeDiffusionModel();
        var info = model.Info with { ScalingFactor = 2, ShiftFactor = 1 };
        var draw = new float[2];
        NoiseGenerator.Create(Core.NoiseSource.Mt19937, 5).Fill(draw);
        var sample = new float[2];
        StartLatents.Sample(info, [3, 4], [0.5f, 0], NoiseGenerator.Create(Core.NoiseSource.Mt19937, 5), sample);
        Assert.Equal(2 * (3 + (0.5f * draw[0]) - 1), sample[0], 1e-6f);
        Assert.Equal(6, sample[1]);
    }
}
