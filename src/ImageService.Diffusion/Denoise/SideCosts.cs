using System.Runtime.CompilerServices;
using ImageService.Core;

namespace ImageService.Diffusion.Denoise;

/// <summary>
/// What the text encoders and the VAE of each model take here, as far as they were seen at work: prompts by windows of tokens, pictures by pixels. Infinite
/// before the first.
/// </summary>
internal sealed class SideCosts
{
    /// <summary>
    /// A step and a piece that share the device take up to about twice their time each. Where they take less, a piece first seen beside a step is thought shorter
    /// than it is, tried on the engine's thread, and known from then on.
    /// </summary>
    public const double BesideSteps = 2;

    // English in CLIP's vocabulary: four characters and a space a token.
    private const int CharactersOfToken = 5;
    private readonly ConditionalWeakTable<IDiffusionModel, Rates> _rates = [];

    /// <returns>Seconds.</returns>
    public double OfPreparing(DenoiseJob job, IDiffusionModel model)
    {
        var rates = _rates.GetOrCreateValue(model);
        var text = Windows(job.Request, model.Info) * rates.Window;
        return job.StartImage.IsEmpty ? text : text + (Pixels(job.Request) * rates.EncodedPixel);
    }

    /// <returns>Seconds.</returns>
    public double OfDecoding(DenoiseJob job, IDiffusionModel model) => Pixels(job.Request) * _rates.GetOrCreateValue(model).DecodedPixel;

    /// <param name="aside">It ran on the side lane.</param>
    public void Learn(SidePiece piece, bool aside)
    {
        var (rates, request) = (_rates.GetOrCreateValue(piece.Model), piece.Job.Request);
        if (piece.Failure is not null)
            return;
        if (piece is DecodePiece)
        {
            rates.DecodedPixel = Seen(rates.DecodedPixel, piece.Seconds / Pixels(request), aside);
            return;
        }
        var windows = Windows(request, piece.Model.Info);
        if (piece.Job.StartImage.IsEmpty)
        {
            rates.Window = Seen(rates.Window, piece.Seconds / windows, aside);
            return;
        }
        var text = double.IsFinite(rates.Window) ? windows * rates.Window : 0;
        rates.EncodedPixel = Seen(rates.EncodedPixel, Math.Max(0, piece.Seconds - text) / Pixels(request), aside);
    }

    private static double Seen(double known, double now, bool aside) => (aside, double.IsFinite(known)) switch
    {
        (true, true) => Math.Min(known, now),
        (true, false) => now / BesideSteps,
        (false, true) => (known + now) / 2,
        _ => now,
    };

    private static double Pixels(GenerationRequest request) => (double)request.Width * request.Height;

    // A guess good enough to tell a line from a page; only A1111's syntax reads more than one window.
    private static double Windows(GenerationRequest request, ModelInfo info)
    {
        // An empty negative prompt is encoded once for all.
        var prompts = request.NegativePrompt.Length == 0 ? 1 : RequestCost.Rows(request);
        if (request.PromptSyntax != PromptSyntax.A1111)
            return prompts;
        var longest = Math.Max(request.Prompt.Length, request.NegativePrompt.Length);
        return prompts * (1 + (longest / (CharactersOfToken * info.TextEncoders[0].ContextLength)));
    }

    private sealed class Rates
    {
        public double Window { get; set; } = double.PositiveInfinity;
        public double EncodedPixel { get; set; } = double.PositiveInfinity;
        public double DecodedPixel { get; set; } = double.PositiveInfinity;
    }
}
