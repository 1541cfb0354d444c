namespace ImageService.Diffusion.Schedulers;

/// <summary>
/// The linear multistep method of order 4 on the probability-flow ODE of Karras et al. 2022 (equation 3) with coefficients for uneven steps
/// (Adams-Bashforth: the integral of the Lagrange basis), after k-diffusion's <c>sample_lms</c>; diffusers' LMSDiscreteScheduler.
/// </summary>
internal sealed class LmsScheduler : SigmaScheduler
{
    private const int HighestOrder = 4;

    private readonly float[] _sigmas;
    private readonly OutputHistory _slopes;

    public LmsScheduler(SchedulerSetup setup) : this(setup, SigmaTable.Create(setup))
    {
    }

    private LmsScheduler(SchedulerSetup setup, SigmaTable table) : base(setup, table.Timesteps, table.InitialNoiseSigma)
    {
        _sigmas = table.Levels;
        _slopes = new OutputHistory(HighestOrder, setup.Length);
    }

    protected override float Sigma(int step) => _sigmas[step];

    public override void Step(int step, ReadOnlySpan<float> modelOutput, Span<float> latents)
    {
        var original = Predict(step, modelOutput, latents);
        LatentArithmetic.SubtractAndDivide(latents, 1, original, _sigmas[step], _slopes.Push());
        // The order counts from the schedule's beginning even when image-to-image enters later and fewer slopes are known, as in diffusers.
        var order = Math.Min(step + 1, HighestOrder);
        while (order > 1 && _sigmas[step - order + 1] == _sigmas[step - order + 2])
            order--;
        for (var age = 0; age < Math.Min(order, _slopes.Count); age++)
            LatentArithmetic.Add((float)Weight(step, age, order), _slopes[age], latents);
    }

    // The integral from this level to the next of the polynomial that is 1 at one of the last levels and 0 at the others. Its degree is at most 3, where
    // Gauss-Legendre quadrature with two points is exact.
    private double Weight(int step, int age, int order)
    {
        double from = _sigmas[step], to = _sigmas[step + 1];
        var (middle, half) = ((from + to) / 2, (to - from) / 2);
        var offset = half / Math.Sqrt(3);
        return half * (Basis(step, age, order, middle - offset) + Basis(step, age, order, middle + offset));
    }

    private double Basis(int step, int age, int order, double sigma)
    {
        var product = 1.0;
        for (var other = 0; other < order; other++)
        {
            if (other != age)
                product *= (sigma - _sigmas[step - other]) / ((double)_sigmas[step - age] - _sigmas[step - other]);
        }
        return product;
    }

    public override void SaveState(BinaryWriter writer) => _slopes.Save(writer);

    public override void RestoreState(BinaryReader reader) => _slopes.Restore(reader);
}
