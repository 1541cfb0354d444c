using ImageService.Core;

namespace ImageService.Diffusion.Denoise;

/// <summary>A request inside the engine: one <see cref="DenoiseTask"/> for each of its pictures.</summary>
/// <param name="request">Complete, with its seed.</param>
/// <param name="state">What <see cref="DenoiseEngine.Save"/> gave, to go on from there; empty = from the beginning.</param>
public sealed class DenoiseJob(GenerationRequest request, IDenoiseListener listener, ReadOnlyMemory<byte> state = default)
{
    public GenerationRequest Request { get; } = request;

    /// <summary>As <see cref="Job.Client"/>: clients are served alike.</summary>
    public string Client { get; init; } = "";

    /// <summary>RGB of <see cref="GenerationRequest.Image"/>, height x width x 3; empty = no start image.</summary>
    public ReadOnlyMemory<byte> StartImage { get; init; }

    /// <summary>Content of <see cref="GenerationRequest.MaskImage"/>, height x width; empty = no mask.</summary>
    public ReadOnlyMemory<byte> Mask { get; init; }

    internal IDenoiseListener Listener { get; } = listener;
    internal ReadOnlyMemory<byte> State { get; } = state;
    internal JobPhase Phase { get; set; }
    internal IDiffusionModel? Model { get; private set; }
    internal DenoiseTask[] Tasks { get; private set; } = [];
    internal IReadOnlyList<string> Warnings { get; private set; } = [];
    internal int Decoded { get; set; }
    internal double EncodeSeconds { get; set; }
    internal double DecodeSeconds { get; set; }
    internal long AddedAt { get; set; }
    internal long FirstStepAt { get; set; }
    internal long LastStepAt { get; set; }

    internal void Prepared(IDiffusionModel model, PreparedJob prepared)
    {
        Phase = JobPhase.Drawing;
        Model = model;
        Tasks = prepared.Tasks;
        Warnings = prepared.Warnings;
    }

    /// <summary>U-Net evaluations for each picture.</summary>
    internal int Steps => Tasks[0].Scheduler.StepCount - Tasks[0].FirstStep;

    /// <summary>Mean of the evaluations done, rounded down.</summary>
    internal int MeanStep()
    {
        long sum = 0;
        foreach (var task in Tasks)
            sum += task.StepsDone;
        return (int)(sum / Tasks.Length);
    }

    internal long RowSteps()
    {
        long sum = 0;
        foreach (var task in Tasks)
            sum += task.RowSteps;
        return sum;
    }
}

internal enum JobPhase
{
    /// <summary>Not yet in the engine.</summary>
    New,

    /// <summary>Its prompt is not encoded yet.</summary>
    Arrived,

    /// <summary>Its prompt is being encoded, or waits on the side lane for it.</summary>
    Preparing,

    /// <summary>Its pictures wait for rows, run, or wait for the decoder.</summary>
    Drawing,

    /// <summary>Finished, failed, canceled or saved.</summary>
    Gone,
}
