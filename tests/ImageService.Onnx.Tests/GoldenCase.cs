using System.Runtime.InteropServices;
using System.Text.Json;
using ImageService.Core;
using ImageService.Tests;
using SkiaSharp;

namespace ImageService.Onnx.Tests;

/// <summary>A picture that diffusers 0.40 drew (<c>shared/golden</c>): its arguments, final latents and pixels.</summary>
internal sealed class GoldenCase
{
    private readonly JsonElement _case;
    private readonly string _folder;

    private GoldenCase(string model, JsonElement data, string folder)
    {
        Model = model;
        _case = data;
        _folder = folder;
    }

    public string Model { get; }
    public string Name => _case.GetProperty("case").GetString()!;
    public string Mode => _case.TryGetProperty("mode", out var mode) ? mode.GetString()! : "text2img";

    public static IEnumerable<GoldenCase> Of(string model)
    {
        var folder = GoldenFolder.Find(Path.Combine(model, "expected"));
        using var cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "cases.json")));
        foreach (var data in cases.RootElement.EnumerateArray())
            yield return new GoldenCase(model, data.Clone(), folder);
    }

    /// <summary>The request that asks for the same picture.</summary>
    public GenerationRequest Request() => new()
    {
        Model = Model,
        Prompt = _case.GetProperty("prompt").GetString()!,
        NegativePrompt = _case.TryGetProperty("negative_prompt", out var negative) ? negative.GetString()! : "",
        Width = Integer("width") ?? 64,
        Height = Integer("height") ?? 64,
        NumInferenceSteps = Integer("num_inference_steps")!.Value,
        GuidanceScale = Number("guidance_scale")!.Value,
        GuidanceRescale = Number("guidance_rescale") ?? 0,
        Scheduler = _case.GetProperty("scheduler").GetString()!,
        Seed = _case.GetProperty("seed").GetInt64(),
        NumImages = Integer("num_images") ?? 1,
        ClipSkip = Integer("clip_skip"),
        Strength = Number("strength") ?? 1,
        Image = Mode == "text2img" ? null : "image",
        MaskImage = Mode == "inpaint" ? "mask" : null,
    };

    /// <summary>RGB rows of the start image; null for text to image.</summary>
    public byte[]? Image() => Mode == "text2img" ? null : Pixels(GoldenFolder.Find("init.png"));

    /// <summary>Gray rows of the mask; null without one.</summary>
    public byte[]? Mask() => Mode == "inpaint" ? Pixels(GoldenFolder.Find("mask.png")).Where((_, i) => i % 3 == 0).ToArray() : null;

    public float[] Latents() => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(_folder, $"{Name}.latents.f32"))).ToArray();

    public byte[] Picture(int index) => Pixels(Path.Combine(_folder, $"{Name}.{index}.png"));

    private int? Integer(string name) => _case.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetInt32() : null;

    private float? Number(string name) => _case.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetSingle() : null;

    private static byte[] Pixels(string path)
    {
        using var bitmap = SKBitmap.Decode(path);
        return bitmap.Pixels.SelectMany(p => new[] { p.Red, p.Green, p.Blue }).ToArray();
    }
}
