namespace ImageService.Diffusion.Denoise;

/// <summary>Where the engine finds its models.</summary>
public interface IModelSource
{
    /// <summary>Never waits: a model that is not loaded is on its way when this returns <see cref="ModelAvailability.Loading"/>.</summary>
    /// <param name="inUse">Tells of a loaded model whether the engine still needs it.</param>
    /// <exception cref="Exception">It could not be loaded; the next call tries again.</exception>
    ModelAvailability Find(string id, Func<IDiffusionModel, bool> inUse, out IDiffusionModel? model);
}

public enum ModelAvailability
{
    Ready,

    Loading,

    /// <summary>As many models as may be loaded are in use.</summary>
    NoRoom,
}
