namespace ImageService.Diffusion.Denoise;

/// <summary>
/// The time between two steps that text encoder and VAE have: together no longer than a step, so that no batch is held up for more, however many pictures join
/// and leave it. What a piece on the side lane takes from the steps counts, too: then the rest of a step is left.
/// </summary>
internal sealed class StepGap
{
    private double _step;
    private double _taken;
    private double _spent;

    /// <summary>The side lane is at work.</summary>
    public bool BesideLane { private get; set; }

    /// <summary>Nothing has stood in it yet.</summary>
    public bool IsUntouched => _spent == 0;

    private double Length => BesideLane ? Math.Max(0, _step - _taken) : _step;

    /// <summary>A step has ended: what comes now stands before the next.</summary>
    /// <param name="step">Seconds of the last step of the running batch that steps fastest, had it had the device to itself; null = as before.</param>
    /// <param name="stretch">What the step took of what it would have taken alone; 1 where nothing ran beside it.</param>
    public void Begin(double? step, double stretch)
    {
        _step = step ?? _step;
        _taken = (stretch - 1) * _step;
        _spent = 0;
    }

    /// <summary>The lane has begun: until it was seen beside a step, it may take as much of the device as the steps.</summary>
    public void LaneBegins() => (BesideLane, _taken) = (true, _step);

    public void Spend(double seconds) => _spent += seconds;

    /// <summary>Not even a gap with nothing else in it has room for it.</summary>
    public bool IsTooShortFor(double seconds) => seconds > _step;

    public bool HasRoomFor(double seconds) => _spent + seconds <= Length;
}
