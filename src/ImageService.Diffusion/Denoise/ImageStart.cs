using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Where drawing begins when there is a start image: image to image (SDEdit, Meng et al. 2021; diffusers' <c>StableDiffusionImg2ImgPipeline</c>), or
/// inpainting with an ordinary U-Net, which has the unmasked part put back after every step, or with one of 9 channels, which is shown mask and image
/// (<c>StableDiffusionInpaintPipeline</c> and their SDXL counterparts). The generator is drawn from in the order of those pipelines.
/// </summary>
internal sealed class ImageStart
{
    // All pictures of a job share what the encoder said.
    private readonly ConditionalWeakTable<DenoiseJob, Posteriors> _encoded = [];

    /// <exception cref="ArgumentException">Strength leaves no step, or the model needs a mask; the message is one sentence naming the field.</exception>
    public PictureStart Create(DenoiseJob job, IDiffusionModel model, IScheduler scheduler, NoiseGenerator noise)
    {
        var info = model.Info;
        var paintsMasked = info.UNetChannels > info.LatentChannels;
        if (paintsMasked && job.Mask.IsEmpty)
            throw new ArgumentException("mask_image: this model repaints a part of an image and needs to know which.", nameof(job));
        var first = scheduler.StartStep(job.Request.Strength);
        if (!_encoded.TryGetValue(job, out var encoded))
            _encoded.Add(job, encoded = Encode(job, model, paintsMasked));
        return job.Mask.IsEmpty ? FromImage(info, scheduler, noise, first, encoded.Image!)
            : Inpaint(info, scheduler, noise, first, encoded, job.Request.Strength >= 1);
    }

    private static PictureStart FromImage(ModelInfo info, IScheduler scheduler, NoiseGenerator noise, int first, Posterior image)
    {
        var original = Sample(info, image, noise);
        return new PictureStart(Noised(scheduler, first, original, Draw(noise, original.Length)), first);
    }

    private static PictureStart Inpaint(ModelInfo info, IScheduler scheduler, NoiseGenerator noise, int first, Posteriors encoded, bool fromPureNoise)
    {
        var length = encoded.Length;
        // A U-Net of 9 channels that begins with pure noise never needs the image's own latents, and none are drawn.
        var original = encoded.Masked is not null && fromPureNoise ? null : Sample(info, encoded.Image!, noise);
        var start = Draw(noise, length);
        float[] latents;
        if (fromPureNoise)
        {
            latents = new float[length];
            TensorPrimitives.Multiply(start, scheduler.InitialNoiseSigma, latents);
        }
        else
        {
            latents = Noised(scheduler, first, original!, start);
        }
        if (encoded.Masked is null)
        {
            // The pipelines sample the masked image for every U-Net, and ancestral noise comes after it.
            Draw(noise, length);
            return new PictureStart(latents, first, AfterStep: KeepUnmasked(scheduler, original!, start, encoded.LatentMask!));
        }
        return new PictureStart(latents, first, [.. encoded.LatentMask!, .. Sample(info, encoded.Masked, noise)]);
    }

    private static AfterStep KeepUnmasked(IScheduler scheduler, float[] original, float[] noise, float[] mask)
    {
        var noised = new float[original.Length];
        return (nextStep, latents) =>
        {
            if (nextStep < scheduler.StepCount)
                scheduler.AddNoise(nextStep, original, noise, noised);
            else
                original.CopyTo(noised, 0);
            StartLatents.KeepUnmasked(latents, noised, mask);
        };
    }

    private static Posteriors Encode(DenoiseJob job, IDiffusionModel model, bool paintsMasked)
    {
        var (height, width) = (job.Request.Height, job.Request.Width);
        var info = model.Info;
        var planes = new float[3 * height * width];
        StartLatents.Normalize(job.StartImage.Span, planes);
        var needsImage = !paintsMasked || job.Request.Strength < 1;
        var image = needsImage ? Encode(model, height, width, planes) : null;
        var (rows, columns) = (height / info.VaeScale, width / info.VaeScale);
        var length = info.LatentChannels * rows * columns;
        if (job.Mask.IsEmpty)
            return new Posteriors(image, null, null, length);
        var mask = new float[rows * columns];
        StartLatents.ResizeMask(job.Mask.Span, columns, info.VaeScale, mask);
        if (!paintsMasked)
            return new Posteriors(image, null, mask, length);
        StartLatents.Hide(planes, job.Mask.Span);
        return new Posteriors(image, Encode(model, height, width, planes), mask, length);
    }

    private static Posterior Encode(IDiffusionModel model, int height, int width, float[] planes)
    {
        var info = model.Info;
        var length = info.LatentChannels * (height / info.VaeScale) * (width / info.VaeScale);
        var posterior = new Posterior(new float[length], new float[length]);
        model.EncodeImage(height, width, planes, posterior.Mean, posterior.Deviation);
        return posterior;
    }

    private static float[] Sample(ModelInfo info, Posterior posterior, NoiseGenerator noise)
    {
        var latents = new float[posterior.Mean.Length];
        StartLatents.Sample(info, posterior.Mean, posterior.Deviation, noise, latents);
        return latents;
    }

    private static float[] Noised(IScheduler scheduler, int step, float[] original, float[] noise)
    {
        var latents = new float[original.Length];
        scheduler.AddNoise(step, original, noise, latents);
        return latents;
    }

    private static float[] Draw(NoiseGenerator noise, int length)
    {
        var draw = new float[length];
        noise.Fill(draw);
        return draw;
    }

    private sealed record Posterior(float[] Mean, float[] Deviation);

    /// <param name="Image">Of the start image; null if nothing needs it.</param>
    /// <param name="Masked">Of the image with the repainted part hidden; null for ordinary U-Nets.</param>
    private sealed record Posteriors(Posterior? Image, Posterior? Masked, float[]? LatentMask, int Length);
}
