using System.Globalization;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Tests.Golden;

namespace ImageService.Onnx.Tests;

/// <summary>The text encoders and clip_skip against encoders written anew in torch.</summary>
[Collection(GoldenModel.OneUserAtATime)]
public sealed class ClipSkipTests
{
    [Theory]
    [InlineData("tiny-sd15", 0)]
    [InlineData("tiny-sdxl", 0)]
    [InlineData("tiny-sdxl", 1)]
    public void Every_clip_skip_gives_the_state_that_diffusers_takes(string name, int encoder) => Compare(GoldenModel.Get(name), name, encoder, 2e-5f);

    [Fact]
    public void The_final_normalisation_is_found_behind_casts_too()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        var file = new OnnxFile(folder["text_encoder/model.onnx"]);
        file.HalveWeights();
        file.HalveInputsAndOutputs();
        file.Save();
        using var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu);
        // States of up to 4 in half precision.
        Compare(model, "tiny-sd15", 0, 4e-3f);
    }

    [Fact]
    public void Without_hidden_states_there_is_nothing_to_skip()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        var file = new OnnxFile(folder["text_encoder/model.onnx"]);
        file.DropOutputs(o => o.StartsWith("hidden_states", StringComparison.Ordinal));
        file.Save();
        using var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu);
        Assert.Equal(0, model.Info.Description.MaxClipSkip);
        var (full, expected) = (new float[77 * 32], new float[77 * 32]);
        var tokens = ReferenceFile.ClipSkip.First(c => c.Model == "tiny-sd15").Tokens;
        model.EncodeTokens(0, tokens, null, full, []);
        GoldenModel.Get("tiny-sd15").EncodeTokens(0, tokens, null, expected, []);
        Assert.Equal(expected, full);
        Assert.StartsWith("clip_skip", Assert.Throws<ArgumentException>(() => model.EncodeTokens(0, tokens, 1, full, [])).Message);
    }

    private static void Compare(OnnxDiffusionModel model, string name, int encoder, float tolerance)
    {
        var reference = ReferenceFile.ClipSkip.Single(c => c.Model == name && c.Encoder == encoder);
        var width = model.Info.TextEncoders[encoder].HiddenSize;
        var (hidden, pooled) = (new float[reference.Tokens.Length * width], new float[reference.Pooled?.Length ?? 0]);
        Assert.Equal(model.Info.Description.MaxClipSkip + 2, reference.States.Count);
        foreach (var (skip, rows) in reference.States)
        {
            Array.Clear(hidden);
            Array.Clear(pooled);
            model.EncodeTokens(encoder, reference.Tokens, skip == "none" ? null : int.Parse(skip, CultureInfo.InvariantCulture), hidden, pooled);
            foreach (var (position, row) in reference.Positions.Zip(rows))
                Assert.All(row.Zip(hidden.Skip(position * width)), p => Assert.Equal(p.First, p.Second, tolerance));
            Assert.All((reference.Pooled ?? []).Zip(pooled), p => Assert.Equal(p.First, p.Second, tolerance));
        }
    }
}
