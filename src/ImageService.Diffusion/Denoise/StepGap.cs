namespace ImageService.Diffusion.Denoise;

/// <summary>
/// The time between two steps that text encoder and VAE have: together no longer than a step, so that no batch is held up for more, however many pictures join
/// and leave it.
/// </summary>
internal sealed class StepGap
{
    // A piece that runs beside the steps makes them longer by up to as much again: then there is room for what is short, a prompt mostly.
    private const double ShareBesideLane = 0.25;
    private double _step;
    private double _spent;

    /// <summary>The side lane is at work.</summary>
    public bool BesideLane { private get; set; }

    private double Length => BesideLane ? ShareBesideLane * _step : _step;

    /// <summary>A step has ended: what comes now stands before the next.</summary>
    /// <param name="step">Seconds of the last step of the running batch that steps fastest, had it had the device to itself; null = as before.</param>
    public void Begin(double? step) => (_step, _spent) = (step ?? _step, 0);

    public void Spend(double seconds) => _spent += seconds;

    /// <summary>Not even an empty gap has room for it.</summary>
    public bool IsTooShortFor(double seconds) => seconds > Length;

    public bool HasRoomFor(double seconds) => _spent + seconds <= Length;
}
