using ImageService.Diffusion.Denoise;
using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Text;
using ImageService.Testing;

namespace ImageService.Diffusion.Tests.Text;

/// <summary>
/// Hidden states that tell where they came from: token + column / 10 + 1000 x encoder; pooled outputs are the number of tokens that are not
/// padding.
/// </summary>
internal sealed class FakeTextModel : IDiffusionModel
{
    public FakeTextModel(ClipTokenizer tokenizer, params int[] hiddenSizes)
    {
        var encoders = hiddenSizes.Select((size, i) => new TextEncoderInfo(tokenizer, tokenizer.ContextLength, size, i > 0 ? 2 : 0)).ToList();
        Info = new ModelInfo
        {
            Description = FakeDescription.Model,
            TextEncoders = encoders,
            Scheduler = new SchedulerConfig(),
            PooledSize = encoders[^1].PooledSize,
            ForceZerosForEmptyPrompt = encoders.Count > 1,
        };
    }

    public ModelInfo Info { get; set; }
    public List<(int Encoder, int[] Tokens, int? ClipSkip)> Calls { get; } = [];

    public void EncodeTokens(int encoder, ReadOnlySpan<int> tokens, int? clipSkip, Span<float> hidden, Span<float> pooled)
    {
        Calls.Add((encoder, tokens.ToArray(), clipSkip));
        var size = Info.TextEncoders[encoder].HiddenSize;
        for (var t = 0; t < tokens.Length; t++)
        {
            for (var c = 0; c < size; c++)
                hidden[(t * size) + c] = tokens[t] + (c / 10f) + (1000 * encoder);
        }
        pooled.Fill(tokens.IndexOf(Info.TextEncoders[encoder].Tokenizer.EndId) + 1);
    }

    public void PredictNoise(UNetBatch batch) => throw new NotSupportedException();
    public void DecodeLatents(int height, int width, ReadOnlySpan<float> latents, Span<byte> rgb) => throw new NotSupportedException();
    public void EncodeImage(int height, int width, ReadOnlySpan<float> image, Span<float> mean, Span<float> deviation) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
