using System.Security.Cryptography;
using ImageService.Api.Problems;
using ImageService.Core;
using Microsoft.Extensions.Options;

namespace ImageService.Api.Jobs;

/// <summary>Checks a body against the model and the limits, and fills in every default: after it nothing is left to decide.</summary>
internal sealed class JobValidator(IOptions<LimitsOptions> limits)
{
    /// <summary>diffusers' default for image-to-image.</summary>
    private const float DefaultStrength = 0.8f;

    /// <param name="imageSize">Size of the start image as it is shown (after its EXIF orientation), or null without one.</param>
    /// <param name="maskSize">Likewise of the mask.</param>
    /// <returns>The request; <see cref="GenerationRequest.Image"/> and <see cref="GenerationRequest.MaskImage"/> are left for the caller to name.</returns>
    /// <exception cref="ProblemException">400 with every wrong field.</exception>
    public GenerationRequest Validate(JobBody body, ModelDescription model, (int Width, int Height)? imageSize, (int Width, int Height)? maskSize)
    {
        var check = new Checks();
        var images = check.Whole("num_images", body.NumImages ?? 1, 1, RequestRanges.MaxImages);
        var request = new GenerationRequest
        {
            Model = model.Id,
            Prompt = check.Prompt("prompt", body.Prompt ?? "", required: true),
            NegativePrompt = check.Prompt("negative_prompt", body.NegativePrompt ?? "", required: false),
            Width = Side(check, "width", body.Width, imageSize?.Width, model.DefaultWidth, model.SizeMultiple),
            Height = Side(check, "height", body.Height, imageSize?.Height, model.DefaultHeight, model.SizeMultiple),
            NumInferenceSteps = check.Whole("num_inference_steps", body.NumInferenceSteps ?? model.DefaultSteps, 1, RequestRanges.MaxSteps),
            GuidanceScale = check.Real("guidance_scale", body.GuidanceScale ?? model.DefaultGuidanceScale, 0, RequestRanges.MaxGuidanceScale),
            GuidanceRescale = check.Real("guidance_rescale", body.GuidanceRescale ?? model.DefaultGuidanceRescale, 0, 1),
            Scheduler = check.Scheduler(body.Scheduler ?? model.DefaultScheduler),
            Seed = check.Seed(body.Seed ?? RandomSeed(), images),
            Rng = body.Rng ?? NoiseSource.Mt19937,
            NumImages = images,
            ClipSkip = check.ClipSkip(body.ClipSkip, model),
            PromptSyntax = body.PromptSyntax ?? PromptSyntax.Plain,
            Strength = Strength(check, body),
            PreviewEvery = check.Whole("preview_every", body.PreviewEvery ?? 0, 0, RequestRanges.MaxPreviewEvery),
            OutputFormat = body.OutputFormat ?? OutputFormat.Png,
            Determinism = body.Determinism ?? Determinism.Fast,
            Priority = check.Whole("priority", body.Priority ?? 0, -RequestRanges.MaxPriority, RequestRanges.MaxPriority),
            Metadata = check.Metadata(body.Metadata),
        };
        StartImages(check, body, model);
        if (imageSize is { } size && maskSize is { } other && size != other)
            check.Add("mask_image", $"mask_image must have the size of image, {size.Width} x {size.Height}; it has {other.Width} x {other.Height}.");
        if (!check.Failed)
            Pixels(check, request);
        check.ThrowIfAny();
        return request;
    }

    // Below 2^32, so that the number survives every client, JavaScript's included, and every tool that takes seeds.
    private static long RandomSeed() => BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4));

    private int Side(Checks check, string field, int? asked, int? ofImage, int ofModel, int multiple)
    {
        var value = asked ?? (ofImage is { } side ? Math.Max(multiple, side / multiple * multiple) : ofModel);
        var most = limits.Value.MaxSide / multiple * multiple;
        if (value < multiple || value > most || value % multiple != 0)
        {
            var source = asked is null && ofImage is not null ? " (the start image's size was taken because none was given)" : "";
            check.Add(field, $"{field} must be a multiple of {multiple} from {multiple} to {most}; {value} is not{source}.");
        }
        return value;
    }

    private static float Strength(Checks check, JobBody body)
    {
        if (body.Strength is { } strength && !(strength > 0 && strength <= 1))
            check.Add("strength", JobFields.MustBe("strength"));
        return body.Image is null ? 1 : body.Strength ?? DefaultStrength;
    }

    private static void StartImages(Checks check, JobBody body, ModelDescription model)
    {
        if (body.Image is not null && !model.SupportsImageToImage)
            check.Add("image", $"image must be absent: model '{model.Id}' has no VAE encoder and draws from text only.");
        if (body.MaskImage is not null && body.Image is null)
            check.Add("mask_image", "mask_image needs image: the mask says which part of it is painted anew.");
        if (!model.RequiresMask)
            return;
        if (body.Image is null)
            check.Add("image", $"image is required: model '{model.Id}' only paints into pictures.");
        if (body.MaskImage is null)
            check.Add("mask_image", $"mask_image is required: model '{model.Id}' only paints into pictures.");
    }

    private void Pixels(Checks check, GenerationRequest request)
    {
        var pixels = (long)request.Width * request.Height;
        if (pixels > limits.Value.MaxPixels)
        {
            var sentence = $"width x height must be at most {limits.Value.MaxPixels:N0} pixels; {request.Width} x {request.Height} is more.";
            check.Add("width", sentence);
            check.Add("height", sentence);
        }
        else if (pixels * request.NumImages > limits.Value.MaxPixelsPerJob)
        {
            check.Add("num_images", $"width x height x num_images must be at most {limits.Value.MaxPixelsPerJob:N0} pixels; at this size "
                + $"num_images must be from 1 to {limits.Value.MaxPixelsPerJob / pixels}.");
        }
    }
}
