using System.Text.Json;
using ImageService.Core;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Tests.Golden;

namespace ImageService.Onnx.Tests;

/// <summary>clip_skip against CLIP's encoder computed without ONNX Runtime (<c>Golden/clip_skip.py</c>).</summary>
[Collection(GoldenModel.OneUserAtATime)]
public sealed class ClipSkipTests
{
    private static readonly JsonSerializerOptions Names = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    [Theory]
    [InlineData("tiny-sd15", 0, 4)]
    [InlineData("tiny-sdxl", 0, 3)]
    [InlineData("tiny-sdxl", 1, 3)]
    public void Hidden_states_are_those_of_the_layer_that_diffusers_takes(string name, int encoder, int count)
    {
        var model = GoldenModel.Get(name);
        var cases = Cases().Where(c => c.Model == name && c.Encoder == encoder).ToList();
        Assert.Equal(count, cases.Count);
        foreach (var golden in cases)
        {
            var hidden = new float[77 * 32];
            var pooled = new float[golden.Pooled.Length];
            model.EncodeTokens(encoder, golden.Tokens, golden.ClipSkip == 0 ? null : golden.ClipSkip, hidden, pooled);
            foreach (var (row, expected) in golden.Rows.Zip(golden.Hidden))
                Assert.All(expected.Zip(hidden.Skip(row * 32)), p => Assert.Equal(p.First, p.Second, 2e-5f));
            Assert.All(golden.Pooled.Zip(pooled), p => Assert.Equal(p.First, p.Second, 2e-5f));
        }
    }

    [Fact]
    public void An_export_of_the_last_state_alone_lets_no_layer_be_skipped()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        RewrittenOnnx.GiveLastStateOnly(folder["text_encoder/model.onnx"]);
        using var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu);
        Assert.Equal(0, model.Info.Description.MaxClipSkip);
        var request = new GenerationRequest
        {
            Model = "tiny-sd15", Prompt = "a red apple", Width = 64, Height = 64, NumInferenceSteps = 2, GuidanceScale = 5, Scheduler = "euler", Seed = 1,
        };
        Assert.Null(new Drawing(model).Draw(request).Failure);
        var failure = new Drawing(model).Draw(request with { ClipSkip = 1 }).Failure;
        Assert.StartsWith("clip_skip must be between 0 and 0", failure!.Message);
    }

    private static Case[] Cases() => JsonSerializer.Deserialize<Case[]>(
        File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "clip_skip.json")), Names)!;

    private sealed record Case(string Model, int Encoder, int ClipSkip, int[] Tokens, int[] Rows, float[][] Hidden, float[] Pooled);
}
