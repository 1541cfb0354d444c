using System.Text.Json.Nodes;
using ImageService.Core;
using ImageService.Diffusion.Denoise;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Tests.Golden;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

/// <summary>U-Nets that do the guidance by themselves and are told its scale in <c>timestep_cond</c>.</summary>
public sealed class GuidanceEmbeddingTests
{
    [Fact]
    public void The_embedding_is_that_of_diffusers_at_even_and_odd_widths()
    {
        foreach (var reference in ReferenceFile.GuidanceEmbeddings)
        {
            var embedding = new float[reference.Width];
            embedding.AsSpan().Fill(9);
            Guidance.Embed(reference.GuidanceScale, embedding);
            // Angles reach 11000, where a float32 has steps of 1e-3.
            Assert.All(reference.Embedding.Zip(embedding), p => Assert.Equal(p.First, p.Second, 2e-3f));
        }
    }

    [Theory]
    [InlineData(TensorElementType.Float, 2e-3f)]
    [InlineData(TensorElementType.Float16, 3e-3f)]
    public void Each_picture_has_one_row_with_its_own_scale_whatever_runs_beside_it(TensorElementType type, float tolerance)
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteGuidanceEcho(folder["unet/model.onnx"], type);
        folder.Set("unet/config.json", "time_cond_proj_dim", JsonValue.Create(256));
        using var model = OnnxDiffusionModel.Load(ModelFolder.Read(folder.Path), GoldenModel.Cpu);
        var seen = new List<(int Rows, float[] Output)>();
        var drawing = new Drawing(model) { Predicted = b => seen.Add((b.Rows, b.Output[..(b.Rows * b.OutputRow)])) };
        float[] scales = [7.5f, 1.5f, 12];
        var listeners = scales.Select((scale, i) => drawing.Add(Request(scale, i))).ToList();
        while (drawing.Turn())
        {
        }
        Assert.All(listeners, l => Assert.Null(l.Failure));
        var together = seen.First(s => s.Rows == scales.Length);
        for (var row = 0; row < scales.Length; row++)
        {
            var reference = ReferenceFile.GuidanceEmbeddings.Single(e => e.Width == 256 && e.GuidanceScale == scales[row]).Embedding;
            Assert.All(reference.Zip(together.Output.Skip(row * 256)), p => Assert.Equal(p.First, p.Second, tolerance));
        }
    }

    private static GenerationRequest Request(float scale, int seed) => new()
    {
        Model = "tiny-sd15", Prompt = "a red apple", NegativePrompt = "text", Width = 64, Height = 64, NumInferenceSteps = 4, GuidanceScale = scale, Scheduler = "lcm", Seed = seed,
    };
}
