namespace ImageService.Diffusion.Imaging;

/// <summary>
/// Fits <see cref="LatentRgbFactors"/> to a decoder by least squares, through the normal equations of (channels + 1) unknowns a colour.
/// </summary>
internal sealed class LatentRgbFit
{
    // Latents a side, and how wide the patches of equal latents are in each sample: pictures are mostly smooth, so most samples are.
    private const int Side = 16;
    private static readonly int[] Patches = [1, 2, 4, 4, 8, 16];

    private readonly int _unknowns;
    private readonly double[,] _squares;
    private readonly double[,] _targets;

    private LatentRgbFit(int channels)
    {
        _unknowns = channels + 1;
        _squares = new double[_unknowns, _unknowns];
        _targets = new double[_unknowns, 3];
    }

    public static LatentRgbFactors Fit(IDiffusionModel model, int seed)
    {
        var (channels, scale) = (model.Info.LatentChannels, model.Info.VaeScale);
        var random = new Random(seed);
        var fit = new LatentRgbFit(channels);
        var latents = new float[channels * Side * Side];
        var rgb = new byte[Side * scale * Side * scale * 3];
        foreach (var patch in Patches)
        {
            FillPatches(latents, patch, random);
            model.DecodeLatents(Side, Side, latents, rgb);
            fit.AddPicture(latents, rgb, scale);
        }
        return fit.Solve();
    }

    private static void FillPatches(Span<float> latents, int patch, Random random)
    {
        for (var plane = 0; plane < latents.Length; plane += Side * Side)
        {
            for (var y = 0; y < Side; y++)
            {
                for (var x = 0; x < Side; x++)
                {
                    var corner = plane + ((y - (y % patch)) * Side) + x - (x % patch);
                    var at = plane + (y * Side) + x;
                    latents[at] = at == corner ? Gaussian(random) : latents[corner];
                }
            }
        }
    }

    private static float Gaussian(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));

    private void AddPicture(ReadOnlySpan<float> latents, ReadOnlySpan<byte> rgb, int scale)
    {
        Span<double> input = stackalloc double[_unknowns];
        Span<double> colour = stackalloc double[3];
        for (var y = 0; y < Side; y++)
        {
            for (var x = 0; x < Side; x++)
            {
                for (var c = 0; c < _unknowns - 1; c++)
                    input[c] = latents[(c * Side * Side) + (y * Side) + x];
                input[^1] = 1;
                MeanColour(rgb, x, y, scale, colour);
                Add(input, colour);
            }
        }
    }

    private static void MeanColour(ReadOnlySpan<byte> rgb, int x, int y, int scale, Span<double> colour)
    {
        colour.Clear();
        for (var row = y * scale; row < (y + 1) * scale; row++)
        {
            for (var column = x * scale; column < (x + 1) * scale; column++)
            {
                for (var k = 0; k < 3; k++)
                    colour[k] += rgb[(((row * Side * scale) + column) * 3) + k];
            }
        }
        for (var k = 0; k < 3; k++)
            colour[k] = (colour[k] / (scale * scale) / 127.5) - 1;
    }

    private void Add(ReadOnlySpan<double> input, ReadOnlySpan<double> colour)
    {
        for (var i = 0; i < _unknowns; i++)
        {
            for (var j = 0; j < _unknowns; j++)
                _squares[i, j] += input[i] * input[j];
            for (var k = 0; k < 3; k++)
                _targets[i, k] += input[i] * colour[k];
        }
    }

    // Gaussian elimination without pivoting: the matrix is symmetric and positive definite, being that of independent random inputs.
    private LatentRgbFactors Solve()
    {
        for (var p = 0; p < _unknowns; p++)
        {
            for (var i = 0; i < _unknowns; i++)
            {
                if (i == p)
                    continue;
                var factor = _squares[i, p] / _squares[p, p];
                for (var j = p; j < _unknowns; j++)
                    _squares[i, j] -= factor * _squares[p, j];
                for (var k = 0; k < 3; k++)
                    _targets[i, k] -= factor * _targets[p, k];
            }
        }
        var matrix = new float[(_unknowns - 1) * 3];
        var bias = new float[3];
        for (var k = 0; k < 3; k++)
        {
            for (var c = 0; c < _unknowns - 1; c++)
                matrix[(c * 3) + k] = (float)(_targets[c, k] / _squares[c, c]);
            bias[k] = (float)(_targets[_unknowns - 1, k] / _squares[_unknowns - 1, _unknowns - 1]);
        }
        return new LatentRgbFactors(matrix, bias);
    }
}
