using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;

namespace ImageService.Onnx.Tests;

/// <summary>Draws jobs through the engine and keeps what the VAE decoder was shown.</summary>
internal sealed class Drawing(IDiffusionModel model) : IModelSource, IDiffusionModel
{
    private DenoiseEngine? _engine;

    public ModelInfo Info => model.Info;

    /// <summary>Runs after each call of the U-Net.</summary>
    public Action<UNetBatch>? Predicted { get; set; }

    private DenoiseEngine Engine => _engine ??= new DenoiseEngine(new RowPolicy { Budget = _ => 8 }, JobPreparation.Create(), this, TimeProvider.System);

    /// <summary>One picture, alone.</summary>
    public Listener Draw(GenerationRequest request, byte[]? image = null, byte[]? mask = null)
    {
        var listener = Add(request, image, mask);
        while (Engine.HasWork)
            Engine.Turn();
        return listener;
    }

    public Listener Add(GenerationRequest request, byte[]? image = null, byte[]? mask = null)
    {
        var listener = new Listener(this);
        Engine.Add(new DenoiseJob(request, listener) { StartImage = image ?? [], Mask = mask ?? [] });
        return listener;
    }

    public bool Turn()
    {
        Engine.Turn();
        return Engine.HasWork;
    }

    public ModelAvailability Find(string id, Func<IDiffusionModel, bool> inUse, out IDiffusionModel? found)
    {
        found = this;
        return ModelAvailability.Ready;
    }

    public void EncodeTokens(int encoder, ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled) =>
        model.EncodeTokens(encoder, tokens, clipSkip, hidden, pooled);

    public void PredictNoise(UNetBatch batch)
    {
        model.PredictNoise(batch);
        Predicted?.Invoke(batch);
    }

    public void DecodeLatents(int height, int width, ReadOnlySpan<float> latents, Span<byte> rgb)
    {
        Latest = latents.ToArray();
        model.DecodeLatents(height, width, latents, rgb);
    }

    public void EncodeImage(int height, int width, ReadOnlySpan<float> image, Span<float> mean, Span<float> deviation) =>
        model.EncodeImage(height, width, image, mean, deviation);

    public void Dispose()
    {
    }

    private float[] Latest { get; set; } = [];

    internal sealed class Listener(Drawing drawing) : IDenoiseListener
    {
        public List<(int Step, int Steps)> Steps { get; } = [];

        /// <summary>By the picture's index.</summary>
        public SortedDictionary<int, (float[] Latents, byte[] Rgb)> Pictures { get; } = [];

        public DenoiseSummary? Summary { get; private set; }
        public DenoiseFailure? Failure { get; private set; }

        public void Progress(int step, int steps) => Steps.Add((step, steps));

        public void Preview(PreviewLatents preview)
        {
        }

        public void Picture(DecodedPicture picture) => Pictures[picture.Index] = (drawing.Latest, picture.Rgb);

        public void Finished(DenoiseSummary summary) => Summary = summary;

        public void Failed(DenoiseFailure failure) => Failure = failure;
    }
}
