namespace ImageService.Diffusion.Denoise;

/// <summary>
/// The time between two steps that text encoder and VAE have: together no longer than a step, so that no batch is held up for more, however many pictures join
/// and leave it.
/// </summary>
internal sealed class StepGap
{
    private double _spent;

    /// <summary>Seconds: the last step of the running batch that steps fastest.</summary>
    public double Length { get; private set; }

    /// <summary>A step has begun and ended: what comes now stands before the next.</summary>
    public void Begin(double length) => (Length, _spent) = (length, 0);

    public void Spend(double seconds) => _spent += seconds;

    /// <summary>Not even an empty gap has room for it.</summary>
    public bool IsTooShortFor(double seconds) => seconds > Length;

    public bool HasRoomFor(double seconds) => _spent + seconds <= Length;
}
