using System.Runtime.InteropServices;
using ImageService.Core;
using ImageService.Diffusion.Denoise;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Text;
using ImageService.Onnx.Tests.Golden;

namespace ImageService.Onnx.Tests;

/// <summary>Whole pipelines, from the prompt to the pixels, against what diffusers drew with the same arguments.</summary>
[Collection(GoldenModel.OneUserAtATime)]
public sealed class GoldenPipelineTests(ITestOutputHelper output)
{
    private const float LatentTolerance = 1e-3f;
    private const int PixelTolerance = 2;

    [Theory]
    [InlineData("tiny-sd15")]
    [InlineData("tiny-sd15-scalar-timestep")]
    [InlineData("tiny-sd15-inpaint")]
    [InlineData("tiny-sd21-v")]
    [InlineData("tiny-sdxl")]
    public void Every_case_is_drawn_as_diffusers_draws_it(string name)
    {
        var model = GoldenModel.Get(name);
        var (worstLatent, worstPixel) = (0f, 0);
        var wrong = new List<string>();
        var cases = GoldenModel.Cases(name);
        foreach (var one in cases)
        {
            var (latent, pixel) = Draw(model, name, one);
            (worstLatent, worstPixel) = (Math.Max(worstLatent, latent), Math.Max(worstPixel, pixel));
            if (!(latent <= LatentTolerance) || pixel > PixelTolerance)
                wrong.Add($"{one.Case} {one.Mode} {one.Scheduler} strength {one.Strength}: latents {latent:0.00e+0}, pixels {pixel}");
        }
        output.WriteLine($"{name}: {cases.Count} cases, largest deviation {worstLatent:0.00e+0} in the latents, {worstPixel}/255 in the pixels");
        Assert.NotEmpty(cases);
        Assert.Empty(wrong);
    }

    private static (float Latent, int Pixel) Draw(OnnxDiffusionModel model, string name, GoldenCase one)
    {
        var request = Request(one);
        var factory = new SchedulerFactory(model.Info.Scheduler);
        var conditioning = PromptEncoder.Encode(model, request);
        var job = new DenoiseJob(request, null!)
        {
            StartImage = one.Mode is null ? default(ReadOnlyMemory<byte>) : GoldenPicture.Read(GoldenFiles.Shared("init.png")),
            Mask = one.Mode == "inpaint" ? GoldenPicture.Read(GoldenFiles.Shared("mask.png")) : default(ReadOnlyMemory<byte>),
        };
        var expected = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(GoldenFiles.Shared($"{name}/expected/{one.Case}.latents.f32"))).ToArray();
        var length = JobPreparation.LatentLength(request, model.Info);
        var (worstLatent, worstPixel) = (0f, 0);
        for (var image = 0; image < one.Images; image++)
        {
            var noise = NoiseGenerator.Create(NoiseSource.Mt19937, one.Seed + image);
            var scheduler = factory.Create(one.Scheduler, one.NumInferenceSteps, length, noise);
            var start = Start(job, model, scheduler, noise, length);
            Denoise(model, request, conditioning, scheduler, start);
            var rgb = new byte[request.Width * request.Height * 3];
            model.DecodeLatents(one.LatentsShape[2], one.LatentsShape[3], start.Latents, rgb);
            var picture = GoldenPicture.Read(GoldenFiles.Shared($"{name}/expected/{one.Case}.{image}.png"));
            worstLatent = Math.Max(worstLatent, start.Latents.Zip(expected.Skip(image * length), (a, b) => Math.Abs(a - b)).Max());
            worstPixel = Math.Max(worstPixel, rgb.Zip(picture, (a, b) => Math.Abs(a - b)).Max());
        }
        return (worstLatent, worstPixel);
    }

    private static PictureStart Start(DenoiseJob job, OnnxDiffusionModel model, IScheduler scheduler, NoiseGenerator noise, int length)
    {
        if (!job.StartImage.IsEmpty)
            return new ImageStart().Create(job, model, scheduler, noise);
        var latents = new float[length];
        noise.Fill(latents);
        for (var i = 0; i < length; i++)
            latents[i] *= scheduler.InitialNoiseSigma;
        return new PictureStart(latents);
    }

    private static void Denoise(OnnxDiffusionModel model, GenerationRequest request, PromptConditioning conditioning, IScheduler scheduler, PictureStart start)
    {
        var info = model.Info;
        var key = new BatchKey(info.Description.Id, request.Height / info.VaeScale, request.Width / info.VaeScale, conditioning.ContextLength);
        var rows = conditioning.Negative is null ? 1 : 2;
        var batch = new UNetBatch(key, info, rows) { Rows = rows, ConditioningVersion = 1 };
        conditioning.Positive.CopyTo(batch.Context, (rows - 1) * batch.ContextRow);
        conditioning.Negative?.CopyTo(batch.Context, 0);
        if (info.PooledSize > 0)
        {
            conditioning.PooledPositive!.CopyTo(batch.Pooled, (rows - 1) * info.PooledSize);
            conditioning.PooledNegative?.CopyTo(batch.Pooled, 0);
            for (var i = 0; i < batch.TimeIds.Length; i++)
                batch.TimeIds[i] = (i % 6) switch { 0 or 4 => request.Height, 1 or 5 => request.Width, _ => 0 };
        }
        for (var step = start.FirstStep; step < scheduler.StepCount; step++)
        {
            var sample = batch.Sample.AsSpan(0, batch.SampleRow);
            scheduler.ScaleModelInput(step, start.Latents, sample[..start.Latents.Length]);
            start.ExtraChannels?.CopyTo(sample[start.Latents.Length..]);
            sample.CopyTo(batch.Sample.AsSpan((rows - 1) * batch.SampleRow));
            batch.Timestep.AsSpan().Fill(scheduler.Timestep(step));
            model.PredictNoise(batch);
            var guided = batch.Output.AsSpan(0, batch.OutputRow);
            if (rows == 2)
            {
                Guidance.Combine(guided, batch.Output.AsSpan(batch.OutputRow), request.GuidanceScale);
                Guidance.Rescale(guided, batch.Output.AsSpan(batch.OutputRow), request.GuidanceRescale);
            }
            scheduler.Step(step, guided, start.Latents);
            start.AfterStep?.Invoke(step + 1, start.Latents);
        }
    }

    private static GenerationRequest Request(GoldenCase one) => new()
    {
        Model = "tiny",
        Prompt = one.Prompt,
        NegativePrompt = one.NegativePrompt ?? "",
        Width = one.LatentsShape[3] * 8,
        Height = one.LatentsShape[2] * 8,
        NumInferenceSteps = one.NumInferenceSteps,
        GuidanceScale = one.GuidanceScale,
        GuidanceRescale = one.GuidanceRescale,
        Scheduler = one.Scheduler,
        Seed = one.Seed,
        NumImages = one.Images,
        ClipSkip = one.ClipSkip,
        Strength = one.Strength ?? 1,
    };
}
