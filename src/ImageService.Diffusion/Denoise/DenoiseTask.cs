using ImageService.Core;
using ImageService.Diffusion.Noise;
using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Text;

namespace ImageService.Diffusion.Denoise;

/// <summary>
/// One picture being drawn: all that is true of it beyond a single step. A batch is put together from tasks anew for each step and is nothing by itself,
/// therefore a picture cannot depend on its neighbours.
/// </summary>
internal sealed class DenoiseTask : IBatchMember
{
    public DenoiseTask(DenoiseJob job, int index, IDiffusionModel model, PromptConditioning conditioning, IScheduler scheduler, NoiseGenerator noise,
        PictureStart start)
    {
        Job = job;
        Index = index;
        Model = model;
        Conditioning = conditioning;
        Scheduler = scheduler;
        Noise = noise;
        Latents = start.Latents;
        ExtraChannels = start.ExtraChannels;
        AfterStep = start.AfterStep;
        FirstStep = start.FirstStep;
        Step = start.FirstStep;
        var key = new BatchKey(job.Request.Model, job.Request.Height / model.Info.VaeScale, job.Request.Width / model.Info.VaeScale, conditioning.ContextLength);
        Group = new GroupKey(key, job.Request.Determinism == Determinism.Exact);
        Rows = conditioning.Negative is null ? 1 : 2;
    }

    public DenoiseJob Job { get; }

    /// <summary>0..NumImages-1.</summary>
    public int Index { get; }

    /// <summary>The seed that draws this picture alone.</summary>
    public long Seed => Job.Request.Seed + Index;

    public IDiffusionModel Model { get; }
    public PromptConditioning Conditioning { get; }
    public IScheduler Scheduler { get; }
    public NoiseGenerator Noise { get; }

    /// <summary>[LatentChannels, height, width].</summary>
    public float[] Latents { get; }

    public float[]? ExtraChannels { get; }
    public AfterStep? AfterStep { get; }

    /// <summary>Where drawing began, see <see cref="PictureStart.FirstStep"/>.</summary>
    public int FirstStep { get; }

    /// <summary>Index of the next step; the scheduler's step count when denoising is done.</summary>
    public int Step { get; set; }

    /// <summary>U-Net evaluations done, those of an earlier worker included.</summary>
    public int StepsDone => Step - FirstStep;

    /// <summary>A preview is due after the coming step.</summary>
    public bool LooksAfterStep => Job.Request.PreviewEvery > 0 && (StepsDone + 1) % Job.Request.PreviewEvery == 0 && Step + 1 < Scheduler.StepCount;

    /// <summary>Rows computed for it.</summary>
    public long RowSteps { get; set; }

    /// <summary>The largest row count it was computed in.</summary>
    public int MostRows { get; set; }

    public bool Denoised => Step >= Scheduler.StepCount;

    public int Pauses { get; set; }
    public GroupKey Group { get; }
    public Charge Charge => new(Job.Client, Job.Request.Priority, (double)Rows * (Scheduler.StepCount - Step) * Group.Batch.Height * Group.Batch.Width);
    object IBatchMember.Job => Job;
    public Schedule Schedule => new(Job.Request.Scheduler, FirstStep, Scheduler.StepCount, Job.Request.GuidanceScale);
    public int Rows { get; }
    public float Timestep => Scheduler.Timestep(Step);
    public bool TimestepPerRow => Model.Info.TimestepPerRow;
}
