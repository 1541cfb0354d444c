namespace ImageService.Diffusion.Denoise;

/// <summary>
/// A place beside the engine's thread for text encoder and VAE work that is too long to stand between two steps. It gets one piece at a time.
/// </summary>
public interface ISideLane
{
    /// <param name="work">Runs beside the engine and does not throw.</param>
    /// <param name="done">To be called after it, where the engine itself is called: between turns, never within one.</param>
    void Run(Action work, Action done);
}
