namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// The weights of the outputs in a UniPC update (Zhao et al. 2023, theorem 3.1): the combination of output differences that matches the expansion of the
/// exact solution, R(h) a = B(h)^-1 b, up to its order.
/// </summary>
/// <param name="predictsOriginal">The outputs are originals (appendix E.1, h is negated) rather than noises.</param>
/// <param name="simple">B(h) = h ("bh1") rather than exp(h) - 1 ("bh2").</param>
internal sealed class UniPcWeights(bool predictsOriginal, bool simple)
{
    public const int HighestOrder = 3;

    /// <param name="h">Length of the step in log SNR.</param>
    /// <param name="distances">Of the earlier outputs from the step's beginning, in units of h; one less than the order.</param>
    /// <param name="corrects">An output at the step's end is known.</param>
    /// <param name="weights">By age, and after them that of the output at the end; written.</param>
    public void Solve(float h, ReadOnlySpan<float> distances, bool corrects, Span<float> weights)
    {
        var signed = predictsOriginal ? -h : h;
        var growth = (float)ExpMinusOne(signed);
        var scale = simple ? signed : growth;
        var order = distances.Length + 1;
        weights.Clear();
        weights[0] = growth;

        var unknowns = corrects ? order : order - 1;
        if (unknowns == 0)
            return;
        Span<double> solution = stackalloc double[HighestOrder];
        // The lowest orders have their solution written down: it does not depend on h to that order.
        if (corrects ? order == 1 : order == 2)
            solution[0] = 0.5;
        else
            SolveSystem(signed, growth, scale, distances, unknowns, solution);

        for (var i = 0; i < unknowns; i++)
        {
            var end = corrects && i == unknowns - 1;
            var weight = (float)(scale * solution[i] / (end ? 1 : distances[i]));
            // A timestep that stands twice in a row (many steps, rounded) tells no slope.
            if (!float.IsFinite(weight))
                continue;
            weights[i + 1] += weight;
            weights[0] -= weight;
        }
    }

    // Row i: sum of distance^i times unknown = phi_(i+2)(h) (i+1)! h / B(h).
    private static void SolveSystem(float h, float growth, float scale, ReadOnlySpan<float> distances, int unknowns, Span<double> solution)
    {
        Span<double> rows = stackalloc double[HighestOrder * (HighestOrder + 1)];
        var width = unknowns + 1;
        double phi = growth / h - 1;
        var factorial = 1;
        for (var i = 0; i < unknowns; i++)
        {
            for (var k = 0; k < unknowns; k++)
                rows[i * width + k] = Math.Pow(k < distances.Length ? distances[k] : 1, i);
            rows[i * width + unknowns] = phi * factorial / scale;
            factorial *= i + 2;
            phi = phi / h - 1.0 / factorial;
        }
        // Gaussian elimination; the matrix is Vandermonde's, and its points are apart.
        for (var pivot = 0; pivot < unknowns; pivot++)
        {
            for (var i = pivot + 1; i < unknowns; i++)
            {
                var factor = rows[i * width + pivot] / rows[pivot * width + pivot];
                for (var k = pivot; k < width; k++)
                    rows[i * width + k] -= factor * rows[pivot * width + k];
            }
        }
        for (var i = unknowns - 1; i >= 0; i--)
        {
            var rest = rows[i * width + unknowns];
            for (var k = i + 1; k < unknowns; k++)
                rest -= rows[i * width + k] * solution[k];
            solution[i] = rest / rows[i * width + i];
        }
    }

    private static double ExpMinusOne(double x) => Math.Abs(x) < 1e-5 ? x + x * x / 2 : Math.Exp(x) - 1;
}
