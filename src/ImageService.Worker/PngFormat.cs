using System.Runtime.CompilerServices;
using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Diffusion.Imaging;

namespace ImageService.Worker;

/// <summary>Pictures as PNG with their parameters inside, previews as PNG of one pixel for each latent.</summary>
/// <param name="runtimeVersion">Recorded in every picture.</param>
internal sealed class PngFormat(string provider, string runtimeVersion)
{
    private readonly ConditionalWeakTable<IDiffusionModel, LatentRgbFactors> _factors = [];

    public PictureFormat Format => new(Encode, Look);

    /// <summary>Finds the preview colours of a model that was just loaded. Decodes a few latents if they are not known, so the engine's thread must not have it yet.</summary>
    /// <returns>The same model.</returns>
    public IDiffusionModel Learned(IDiffusionModel model)
    {
        _factors.Add(model, LatentRgbFactors.For(model));
        return model;
    }

    private ReadOnlyMemory<byte> Encode(DecodedPicture picture, GenerationRequest request) =>
        PngEncoder.Encode(picture.Width, picture.Height, picture.Rgb,
            PictureMetadata.Texts(request, picture.Index, picture.Model, new PictureOrigin(provider, runtimeVersion, picture.Rows)));

    private Preview Look(PreviewLatents preview)
    {
        if (!_factors.TryGetValue(preview.Model, out var factors))
            throw new InvalidOperationException("The model was loaded without its preview colours.");
        var content = LatentPreview.Encode(factors, preview.Height, preview.Width, preview.Latents);
        return new Preview(preview.Index, preview.Step, preview.Steps, content, PngEncoder.ContentType, preview.Width, preview.Height);
    }
}
