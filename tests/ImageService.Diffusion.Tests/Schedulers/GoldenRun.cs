using ImageService.Core;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;

namespace ImageService.Diffusion.Tests.Schedulers;

/// <summary>A run of a scheduler with the formula in place of a U-Net that the goldens were made with.</summary>
internal sealed class GoldenRun
{
    private readonly float[] _scaled;
    private readonly float[] _output;

    public GoldenRun(IScheduler scheduler, NoiseGenerator generator, int length)
    {
        Scheduler = scheduler;
        Generator = generator;
        Latents = new float[length];
        Original = new float[length];
        _scaled = new float[length];
        _output = new float[length];
    }

    public IScheduler Scheduler { get; }
    public NoiseGenerator Generator { get; }
    public float[] Latents { get; }

    /// <summary>Scratch for previews and noised images.</summary>
    public float[] Original { get; }

    public static GoldenRun Create(string name, SchedulerConfig config, int steps, int length = 256, long seed = 7)
    {
        var generator = NoiseGenerator.Create(NoiseSource.Mt19937, seed);
        return new GoldenRun(new SchedulerFactory(config).Create(name, steps, length, generator), generator, length);
    }

    public void DrawLatents()
    {
        Generator.Fill(Latents);
        foreach (ref var latent in Latents.AsSpan())
            latent *= Scheduler.InitialNoiseSigma;
    }

    public void Step(int step)
    {
        var timestep = Scheduler.Timestep(step);
        Scheduler.ScaleModelInput(step, Latents, _scaled);
        for (var i = 0; i < _output.Length; i++)
            _output[i] = (float)(0.5 * _scaled[i] * Math.Cos(0.003 * timestep) + 0.2 * Math.Sin(i));
        Scheduler.Step(step, _output, Latents);
    }
}
