using ImageService.Core;

namespace ImageService.Diffusion.Noise;

/// <summary>
/// A stream of standard normal numbers that repeats exactly for a seed. One generator draws one picture: its first draw is the initial noise, later
/// draws are the start image's sample and the ancestral noise, in the order in which diffusers draws them.
/// </summary>
public abstract class NoiseGenerator
{
    /// <summary>The generator of one picture.</summary>
    public static NoiseGenerator Create(NoiseSource source, long seed) => source switch
    {
        NoiseSource.Mt19937 => new Mt19937Generator(seed),
        NoiseSource.Philox => new PhiloxGenerator(seed),
        _ => throw new ArgumentOutOfRangeException(nameof(source), source, "rng must be mt19937 or philox."),
    };

    /// <summary>The next draw of <c>into.Length</c> numbers: what <c>torch.randn</c> gives for a tensor of that many elements.</summary>
    public abstract void Fill(Span<float> into);

    public abstract void SaveState(BinaryWriter writer);

    public abstract void RestoreState(BinaryReader reader);
}
