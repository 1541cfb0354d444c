using ImageService.Core;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Diffusion.Tests.Schedulers;

/// <summary>What holds for each name in the list.</summary>
public sealed class EverySchedulerTests
{
    private const int Steps = 17;

    public static TheoryData<string> Names => TestConfigs.EveryScheduler;

    public static TheoryData<string, string> NamesAndPredictions =>
        [.. SchedulerNames.All.SelectMany(s => new[] { "epsilon", "v_prediction", "sample" }.Select(p => (s.Name, p))).Where(c => c is not ("pndm", "sample"))];

    // PNDM begins in one of two ways.
    public static TheoryData<string, bool> NamesAndBeginnings => [.. SchedulerNames.All.Select(s => (s.Name, false)).Append(("pndm", true))];

    [Theory]
    [MemberData(nameof(NamesAndBeginnings))]
    public void A_run_saved_at_any_step_goes_on_to_the_same_bits(string name, bool skipRungeKutta)
    {
        var whole = Begin(name, skipRungeKutta);
        for (var saved = 0; saved < whole.Scheduler.StepCount; saved++)
        {
            var restored = Begin(name, skipRungeKutta, seed: 1);
            using var state = new MemoryStream();
            using (var writer = new BinaryWriter(state, System.Text.Encoding.UTF8, leaveOpen: true))
            {
                whole.Scheduler.SaveState(writer);
                whole.Generator.SaveState(writer);
            }
            state.Position = 0;
            using var reader = new BinaryReader(state);
            restored.Scheduler.RestoreState(reader);
            restored.Generator.RestoreState(reader);
            Assert.Equal(state.Length, state.Position);
            whole.Latents.CopyTo(restored.Latents, 0);

            whole.Step(saved);
            for (var step = saved; step < whole.Scheduler.StepCount; step++)
            {
                restored.Step(step);
                if (step == saved)
                    Assert.Equal(whole.Latents, restored.Latents);
            }
            Assert.All(restored.Latents, latent => Assert.True(float.IsFinite(latent)));
            Assert.Equal(Whole(name, skipRungeKutta), restored.Latents);
        }
    }

    [Theory]
    [MemberData(nameof(NamesAndBeginnings))]
    public void A_run_entered_on_the_way_ends_near_the_start_image(string name, bool skipRungeKutta)
    {
        var run = Begin(name, skipRungeKutta);
        var scheduler = run.Scheduler;
        var (image, noise) = (new float[run.Latents.Length], run.Latents.ToArray());
        for (var i = 0; i < image.Length; i++)
        {
            image[i] = MathF.Sin(i);
            noise[i] /= scheduler.InitialNoiseSigma;
        }
        var start = scheduler.StartStep(0.3f);
        scheduler.AddNoise(start, image, noise, run.Latents);
        for (var step = start; step < scheduler.StepCount; step++)
            run.Step(step);
        Assert.All(run.Latents, latent => Assert.InRange(latent, -15, 15));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_step_allocates_nothing(string name)
    {
        var config = TestConfigs.StableDiffusion with { Thresholding = true };
        // What a step allocates it allocates every time; what the runtime does once on this thread, when it compiles a method anew, it does not.
        Assert.Equal(0, Enumerable.Range(0, 4).Min(_ => OfOneRun()));

        long OfOneRun()
        {
            var run = GoldenRun.Create(name, config, Steps);
            run.DrawLatents();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var step = 0; step < run.Scheduler.StepCount; step++)
                Evaluate(run, step);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        static void Evaluate(GoldenRun run, int step)
        {
            run.Scheduler.AddNoise(step, run.Latents, run.Latents, run.Original);
            run.Scheduler.PredictOriginal(step, run.Latents, run.Latents, run.Original);
            run.Step(step);
        }
    }

    [Theory]
    [MemberData(nameof(NamesAndPredictions))]
    public void A_model_that_knows_the_picture_leads_to_it(string name, string prediction)
    {
        // The output that a perfect model would give for one original, whatever the latents are.
        var run = GoldenRun.Create(name, TestConfigs.StableDiffusion with { PredictionType = prediction }, 25);
        var scheduler = run.Scheduler;
        var original = new float[run.Latents.Length];
        for (var i = 0; i < original.Length; i++)
            original[i] = MathF.Sin(i);
        run.DrawLatents();
        var output = new float[original.Length];
        var (zeros, ones) = (new float[original.Length], Enumerable.Repeat(1f, original.Length).ToArray());
        var (alphaOf, sigmaOf) = (new float[original.Length], new float[original.Length]);
        for (var step = 0; step < scheduler.StepCount; step++)
        {
            // What PredictOriginal makes of an output is linear in it: find the output for which it gives the original.
            scheduler.PredictOriginal(step, zeros, run.Latents, alphaOf);
            scheduler.PredictOriginal(step, ones, run.Latents, sigmaOf);
            for (var i = 0; i < output.Length; i++)
                output[i] = (original[i] - alphaOf[i]) / (sigmaOf[i] - alphaOf[i]);
            scheduler.Step(step, output, run.Latents);
        }
        // Schedulers that end at the least level of training rather than 0 keep that much noise.
        for (var i = 0; i < original.Length; i++)
            Assert.Equal(original[i], run.Latents[i], 0.2f);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_number_of_steps_stays_finite_and_in_range(string name)
    {
        foreach (var steps in new[] { 1, 2, 3, 5, 14, 15, 61, 500, 999, 1000 })
        {
            foreach (var spacing in new[] { null, "leading", "trailing", "linspace" })
            {
                if (!TryCreate(name, TestConfigs.StableDiffusion with { TimestepSpacing = spacing, StepsOffset = 1 }, steps, out var run))
                    continue;
                run.DrawLatents();
                for (var step = 0; step < run.Scheduler.StepCount; step++)
                {
                    Assert.InRange(run.Scheduler.Timestep(step), 0, 1000);
                    run.Step(step);
                }
                Assert.All(run.Latents, latent => Assert.InRange(latent, -1000, 1000));
            }
        }
    }

    // lcm and tcd take at most the 50 steps of their distillation, pndm with Runge-Kutta at least 4, and multistep solvers with leading spacing less than all.
    private static bool TryCreate(string name, SchedulerConfig config, int steps, out GoldenRun run)
    {
        try
        {
            run = GoldenRun.Create(name, config, steps, length: 16);
            return true;
        }
        catch (ArgumentException refused) when (refused.Message.StartsWith("num_inference_steps must be", StringComparison.Ordinal))
        {
            run = null!;
            return false;
        }
    }

    private static GoldenRun Begin(string name, bool skipRungeKutta, long seed = 7)
    {
        var run = GoldenRun.Create(name, TestConfigs.StableDiffusion with { SkipPrkSteps = skipRungeKutta }, Steps, length: 64, seed);
        run.DrawLatents();
        return run;
    }

    private static float[] Whole(string name, bool skipRungeKutta)
    {
        var run = Begin(name, skipRungeKutta);
        for (var step = 0; step < run.Scheduler.StepCount; step++)
            run.Step(step);
        return run.Latents;
    }
}
