using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Text;

namespace ImageService.Testing;

/// <summary>Prompts by formula and schedulers of the test's choice for <see cref="FakeDiffusionModel"/>.</summary>
internal static class FakePreparation
{
    public static JobPreparation Create() => new(Encode, static (_, seed) => new FakeNoise(seed), Scheduler);

    public static PromptConditioning Encode(IDiffusionModel model, GenerationRequest request) => new()
    {
        ContextLength = FakeDiffusionModel.ContextLength,
        Positive = Context(request.Prompt),
        PooledPositive = [],
        Negative = request.GuidanceScale > 1 ? Context(request.NegativePrompt) : null,
        Warnings = request.Prompt == "long" ? ["The prompt was cut."] : [],
    };

    // A scheduler of the product if it has one of that name.
    private static IScheduler Scheduler(GenerationRequest request, ModelInfo info, NoiseGenerator noise)
    {
        var length = JobPreparation.LatentLength(request, info);
        return SchedulerNames.Canonical(request.Scheduler) is { } name
            ? new SchedulerFactory(info.Scheduler).Create(name, request.NumInferenceSteps, length, noise)
            : new FakeScheduler(request.Scheduler, request.NumInferenceSteps, length, noise);
    }

    private static float[] Context(string prompt)
    {
        var context = new float[FakeDiffusionModel.ContextLength * FakeDiffusionModel.ContextSize];
        for (var i = 0; i < prompt.Length; i++)
            context[i % context.Length] += prompt[i] / 1000f;
        return context;
    }
}

/// <summary>Every model is there at once.</summary>
internal sealed class LoadedModels(params FakeDiffusionModel[] models) : IModelSource
{
    public ModelAvailability Find(string id, Func<IDiffusionModel, bool> inUse, out IDiffusionModel? model)
    {
        model = models.Single(m => m.Info.Description.Id == id);
        return ModelAvailability.Ready;
    }
}
