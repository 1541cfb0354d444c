using ImageService.Core;
using ImageService.Diffusion;

namespace ImageService.Worker;

/// <summary>The models this worker can draw with.</summary>
/// <param name="Descriptions">Known without loading.</param>
/// <param name="Load">Loads one by its id; takes seconds.</param>
/// <param name="Provider">Execution provider they run on: <c>cpu</c>, <c>cuda</c>.</param>
/// <param name="Default">Id of the one that requests get which name none; null = the first.</param>
internal sealed record WorkerModels(IReadOnlyList<ModelDescription> Descriptions, Func<string, IDiffusionModel> Load, string Provider, string? Default = null)
{
    public bool OnCpu => Provider == "cpu";
}
