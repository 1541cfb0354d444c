using System.Diagnostics;
using System.Globalization;
using ImageService.Core;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Tests.Golden;

namespace ImageService.Onnx.Tests;

/// <summary>The model that comes with the repository is read, loaded and drawn with, in the memory of a small machine.</summary>
[Collection(GoldenModel.OneUserAtATime)]
public sealed class BundledModelTests(ITestOutputHelper output)
{
    [Fact]
    public void A_picture_is_drawn_in_little_memory()
    {
        var before = Environment.WorkingSet;
        var folder = ModelFolder.Read(Find());
        var description = folder.Info.Description;
        using var model = OnnxDiffusionModel.Load(folder, GoldenModel.Cpu);
        var watch = Stopwatch.StartNew();
        var drawn = new Drawing(model).Draw(new GenerationRequest
        {
            Model = description.Id,
            Prompt = "a red apple",
            Width = description.DefaultWidth,
            Height = description.DefaultHeight,
            NumInferenceSteps = description.DefaultSteps,
            GuidanceScale = description.DefaultGuidanceScale,
            GuidanceRescale = description.DefaultGuidanceRescale,
            Scheduler = description.DefaultScheduler,
            Seed = 1,
        });
        var grown = (Environment.WorkingSet - before) >> 20;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{watch.Elapsed.TotalSeconds:f1} s for {description.DefaultWidth}x{description.DefaultHeight}, {description.DefaultSteps} steps; {grown} MB more, {Environment.WorkingSet >> 20} MB in all"));
        Assert.Null(drawn.Failure);
        Assert.True(Assert.Single(drawn.Pictures).Value.Rgb.Distinct().Count() > 50);
        Assert.True(grown < 700, $"The model took {grown} MB.");
    }

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var model = Path.Combine(folder.FullName, "models", "starter");
            if (ModelFolder.LooksLikeOne(model))
                return model;
        }
        Assert.Fail("models/starter is not in the repository.");
        return "";
    }
}
