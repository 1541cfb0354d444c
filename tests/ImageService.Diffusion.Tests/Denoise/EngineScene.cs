using ImageService.Core;
using ImageService.Diffusion.Denoise;
using ImageService.Testing;
using Microsoft.Extensions.Time.Testing;

namespace ImageService.Diffusion.Tests.Denoise;

/// <summary>An engine over fakes, and what tests ask of it. Its clock stands unless the test turns it: then all work is in time and only turns count.</summary>
internal sealed class EngineScene
{
    public EngineScene(int maxRows = 8, IReadOnlyList<int>? sizes = null, int exactRows = 4, IModelSource? models = null,
        Batching batching = Batching.Step, TimeProvider? time = null, ISideLane? lane = null)
        : this(new RowPolicy { Budget = _ => maxRows, Sizes = sizes ?? [], ExactRows = exactRows, Batching = batching }, models, time, lane)
    {
    }

    public EngineScene(RowPolicy policy, IModelSource? models = null, TimeProvider? time = null, ISideLane? lane = null)
    {
        Engine = new DenoiseEngine(policy, FakePreparation.Create(), models ?? new LoadedModels(Model), time ?? new FakeTimeProvider(), lane);
    }

    public FakeDiffusionModel Model { get; } = new();
    public DenoiseEngine Engine { get; }

    public static GenerationRequest Request(long seed = 1, int steps = 5, float guidance = 7.5f, string scheduler = "plain", string prompt = "a red apple") => new()
    {
        Model = "fake",
        Prompt = prompt,
        Width = 16,
        Height = 16,
        NumInferenceSteps = steps,
        GuidanceScale = guidance,
        Scheduler = scheduler,
        Seed = seed,
    };

    public (DenoiseJob Job, RecordingListener Heard) Add(GenerationRequest request, ReadOnlyMemory<byte> state = default, string client = "")
    {
        var heard = new RecordingListener();
        var job = new DenoiseJob(request, heard, state) { Client = client };
        Engine.Add(job);
        return (job, heard);
    }

    public int Run(int turns = int.MaxValue)
    {
        var done = 0;
        while (done < turns && Engine.HasWork)
        {
            Engine.Turn();
            Assert.True(++done < 100_000, "The engine does not come to an end.");
        }
        return done;
    }

    /// <summary>The final latents of a request that has an engine to itself.</summary>
    public static float[][] Alone(GenerationRequest request)
    {
        var scene = new EngineScene();
        var (job, heard) = scene.Add(request);
        scene.Run();
        Assert.NotNull(heard.Summary);
        return Latents(job);
    }

    public static float[][] Latents(DenoiseJob job) => job.Tasks.Select(t => t.Latents).ToArray();
}
