using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using ImageService.Core;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Text;

namespace ImageService.Diffusion.Denoise;

/// <summary>Makes a job's tasks: prompts encoded once, then for each picture a generator, a scheduler and the latents to begin with.</summary>
/// <param name="encode">Tokenizer and text encoder.</param>
/// <param name="noise">A new generator for a seed.</param>
/// <param name="scheduler">A new scheduler for a request on a model's noise schedule; it draws its noise from the generator given.</param>
public sealed class JobPreparation(
    Func<IDiffusionModel, GenerationRequest, PromptConditioning> encode,
    Func<NoiseSource, long, NoiseGenerator> noise,
    Func<GenerationRequest, ModelInfo, NoiseGenerator, IScheduler> scheduler)
{
    /// <summary>With the product's own encoder, generators and schedulers.</summary>
    public static JobPreparation Create()
    {
        var factories = new ConditionalWeakTable<ModelInfo, SchedulerFactory>();
        return new JobPreparation(PromptEncoder.Encode, NoiseGenerator.Create, (request, info, noise) => factories
            .GetValue(info, static i => new SchedulerFactory(i.Scheduler))
            .Create(request.Scheduler, request.NumInferenceSteps, LatentLength(request, info), noise));
    }

    /// <summary>Floats of a request's latents.</summary>
    public static int LatentLength(GenerationRequest request, ModelInfo info)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(info);
        return info.LatentChannels * (request.Height / info.VaeScale) * (request.Width / info.VaeScale);
    }

    /// <summary>Changes nothing of the job.</summary>
    internal PreparedJob Prepare(DenoiseJob job, IDiffusionModel model)
    {
        var conditioning = encode(model, job.Request);
        var warnings = conditioning.Warnings;
        var tasks = Tasks(job, model, conditioning);
        if (!job.State.IsEmpty && !JobState.TryRestore(tasks, model.Info, job.State))
        {
            // A scheduler may have taken in half of it: begin again with fresh ones.
            warnings = [.. warnings, "The work of an earlier worker could not be taken over; the picture was drawn from the beginning."];
            tasks = Tasks(job, model, conditioning);
        }
        return new PreparedJob(tasks, warnings);
    }

    private DenoiseTask[] Tasks(DenoiseJob job, IDiffusionModel model, PromptConditioning conditioning)
    {
        var begin = Beginning(job, model);
        var tasks = new DenoiseTask[job.Request.NumImages];
        for (var index = 0; index < tasks.Length; index++)
        {
            var generator = noise(job.Request.Rng, job.Request.Seed + index);
            var steps = scheduler(job.Request, model.Info, generator);
            tasks[index] = new DenoiseTask(job, index, model, conditioning, steps, generator, begin(steps, generator));
        }
        return tasks;
    }

    private static Func<IScheduler, NoiseGenerator, PictureStart> Beginning(DenoiseJob job, IDiffusionModel model)
    {
        if (!job.StartImage.IsEmpty)
            return new ImageStart(job, model).For;
        if (!job.Mask.IsEmpty)
            throw new ArgumentException("mask_image: a mask needs an image, of which it says what is painted anew.");
        if (model.Info.UNetChannels > model.Info.LatentChannels)
            throw new ArgumentException($"image: the model '{job.Request.Model}' paints into pictures only, and needs an image and a mask.");
        return (steps, generator) => FromNoise(LatentLength(job.Request, model.Info), steps, generator);
    }

    private static PictureStart FromNoise(int length, IScheduler scheduler, NoiseGenerator generator)
    {
        var latents = new float[length];
        generator.Fill(latents);
        TensorPrimitives.Multiply(latents, scheduler.InitialNoiseSigma, latents);
        return new PictureStart(latents);
    }
}

/// <param name="Tasks">One for each picture.</param>
internal sealed record PreparedJob(DenoiseTask[] Tasks, IReadOnlyList<string> Warnings);
