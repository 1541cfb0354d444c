using System.Numerics.Tensors;
using ImageService.Core;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Drawing that begins from a picture: image-to-image (Meng et al. 2022, SDEdit) and inpainting (Lugmayr et al. 2022 for U-Nets of 4 channels; Rombach et
/// al. 2022, section 4.5 for those of 9), with the draws in the order of diffusers' StableDiffusionImg2ImgPipeline and StableDiffusionInpaintPipeline.
/// The VAE encoder runs once a job; each picture then samples from the posterior with its own generator.
/// </summary>
internal sealed class ImageStart
{
    private const byte PaintFrom = 128; // gray values of at least one half
    private readonly GenerationRequest _request;
    private readonly ModelInfo _info;
    private readonly Posterior? _image;
    private readonly Posterior? _masked;
    private readonly float[]? _mask;

    /// <exception cref="ArgumentException">The request does not fit the model; one sentence naming the field.</exception>
    public ImageStart(DenoiseJob job, IDiffusionModel model)
    {
        _request = job.Request;
        _info = model.Info;
        var inpaintingUNet = _info.UNetChannels > _info.LatentChannels;
        if (job.Mask.IsEmpty && inpaintingUNet)
            throw new ArgumentException($"mask_image: the model '{_request.Model}' paints into pictures only, and needs an image and a mask.");
        var pixels = Planes(job.StartImage.Span, _request.Height * _request.Width);
        if (job.Mask.IsEmpty || !inpaintingUNet || _request.Strength < 1)
            _image = Encode(model, pixels);
        if (job.Mask.IsEmpty)
            return;
        Hide(pixels, job.Mask.Span);
        _masked = Encode(model, pixels);
        _mask = LatentMask(job.Mask.Span);
    }

    /// <summary>Where one picture begins.</summary>
    public PictureStart For(IScheduler scheduler, NoiseGenerator generator)
    {
        var original = _image?.Sample(_info, generator);
        var noise = new float[LatentLength];
        generator.Fill(noise);
        var first = scheduler.StartStep(_request.Strength);
        var latents = new float[LatentLength];
        if (_mask is not null && _request.Strength >= 1)
            TensorPrimitives.Multiply(noise, scheduler.InitialNoiseSigma, latents);
        else
            scheduler.AddNoise(first, original, noise, latents);
        if (_mask is null)
            return new PictureStart(latents, first);
        var masked = _masked!.Sample(_info, generator);
        return _info.UNetChannels > _info.LatentChannels
            ? new PictureStart(latents, first, ExtraChannels: [.. _mask, .. masked])
            : new PictureStart(latents, first, AfterStep: KeepOutside(scheduler, original!, noise));
    }

    private int LatentHeight => _request.Height / _info.VaeScale;
    private int LatentWidth => _request.Width / _info.VaeScale;
    private int LatentLength => _info.LatentChannels * LatentHeight * LatentWidth;

    // Outside the mask the picture stays the start image, noised as far as the coming step expects it.
    private AfterStep KeepOutside(IScheduler scheduler, float[] original, float[] noise)
    {
        var kept = new float[LatentLength];
        var mask = _mask!;
        return (nextStep, latents) =>
        {
            if (nextStep < scheduler.StepCount)
                scheduler.AddNoise(nextStep, original, noise, kept);
            else
                original.CopyTo(kept, 0);
            for (var channel = 0; channel < latents.Length; channel += mask.Length)
            {
                var inside = latents.Slice(channel, mask.Length);
                var outside = kept.AsSpan(channel, mask.Length);
                // outside + mask * (inside - outside): the mask is 0 or 1, so this is exact.
                TensorPrimitives.Subtract(inside, outside, inside);
                TensorPrimitives.MultiplyAdd(inside, mask, outside, inside);
            }
        };
    }

    private Posterior Encode(IDiffusionModel model, float[] pixels)
    {
        var posterior = new Posterior(new float[LatentLength], new float[LatentLength]);
        model.EncodeImage(_request.Height, _request.Width, pixels, posterior.Mean, posterior.Deviation);
        return posterior;
    }

    // RGB rows to planes of -1..1.
    private static float[] Planes(ReadOnlySpan<byte> rgb, int plane)
    {
        var planes = new float[3 * plane];
        for (var i = 0; i < rgb.Length; i++)
            planes[((i % 3) * plane) + (i / 3)] = (2 * (rgb[i] / 255f)) - 1;
        return planes;
    }

    private static void Hide(float[] planes, ReadOnlySpan<byte> mask)
    {
        for (var i = 0; i < planes.Length; i++)
        {
            if (mask[i % mask.Length] >= PaintFrom)
                planes[i] = 0;
        }
    }

    // torch's nearest interpolation: the pixel at the upper left of each latent.
    private float[] LatentMask(ReadOnlySpan<byte> mask)
    {
        var small = new float[LatentHeight * LatentWidth];
        for (var y = 0; y < LatentHeight; y++)
        {
            for (var x = 0; x < LatentWidth; x++)
                small[(y * LatentWidth) + x] = mask[(y * _info.VaeScale * _request.Width) + (x * _info.VaeScale)] >= PaintFrom ? 1 : 0;
        }
        return small;
    }

    /// <summary>What the VAE encoder says of a picture.</summary>
    private sealed record Posterior(float[] Mean, float[] Deviation)
    {
        /// <summary>Latents of one picture, scaled as the U-Net knows them.</summary>
        public float[] Sample(ModelInfo info, NoiseGenerator generator)
        {
            var sample = new float[Mean.Length];
            if (info.EncodesPosterior)
            {
                generator.Fill(sample);
                TensorPrimitives.MultiplyAdd(sample, Deviation, Mean, sample);
            }
            else
            {
                Mean.CopyTo(sample, 0);
            }
            if (info.ShiftFactor != 0)
                TensorPrimitives.Subtract(sample, info.ShiftFactor, sample);
            TensorPrimitives.Multiply(sample, info.ScalingFactor, sample);
            return sample;
        }
    }
}
