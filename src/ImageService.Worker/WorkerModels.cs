using ImageService.Core;
using ImageService.Diffusion;

namespace ImageService.Worker;

/// <summary>The models this worker can draw with.</summary>
/// <param name="Descriptions">Known without loading.</param>
/// <param name="Load">Loads one by its id; takes seconds.</param>
internal sealed record WorkerModels(IReadOnlyList<ModelDescription> Descriptions, Func<string, IDiffusionModel> Load);
