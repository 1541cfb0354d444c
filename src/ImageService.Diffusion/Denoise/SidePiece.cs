namespace ImageService.Diffusion.Denoise;

/// <summary>Work on a job outside of the U-Net, on the engine's thread between two steps or on the side lane: it changes nothing but itself.</summary>
internal abstract class SidePiece(DenoiseJob job, IDiffusionModel model)
{
    public DenoiseJob Job { get; } = job;

    public IDiffusionModel Model { get; } = model;

    public double Seconds { get; private set; }

    /// <summary>Why there is no result; null if there is one.</summary>
    public DenoiseFailure? Failure { get; private set; }

    /// <summary>The device was lost in the middle of it: nobody's failure, and no result either.</summary>
    public DeviceLostException? Lost { get; private set; }

    public void Run(TimeProvider time)
    {
        var began = time.GetTimestamp();
        try
        {
            Work();
        }
        catch (DeviceLostException e)
        {
            Lost = e;
        }
        catch (DeviceOutOfMemoryException e)
        {
            Failure = new DenoiseFailure(DenoiseFailure.OutOfMemory, $"The device's memory is too small for {Need}: {e.Message}", Retry: true, e);
        }
        catch (Exception e)
        {
            Failure = Describe(e);
        }
        Seconds = time.GetElapsedTime(began).TotalSeconds;
    }

    protected abstract void Work();

    /// <summary>For a sentence: what memory was wanted for.</summary>
    protected abstract string Need { get; }

    protected abstract DenoiseFailure Describe(Exception e);
}

/// <summary>A job's prompts, and its start image if it has one.</summary>
internal sealed class PreparePiece(DenoiseJob job, IDiffusionModel model, JobPreparation preparation) : SidePiece(job, model)
{
    /// <summary>Null if it failed.</summary>
    public PreparedJob? Result { get; private set; }

    protected override string Need => "encoding the prompt or the start image";

    protected override void Work() => Result = preparation.Prepare(Job, Model);

    protected override DenoiseFailure Describe(Exception e) => e is ArgumentException
        ? new DenoiseFailure("invalid_request", e.Message, Retry: false, e)
        : new DenoiseFailure("model_failed", $"The prompt could not be encoded: {e.Message}", Retry: true, e);
}

/// <summary>One picture through the VAE decoder.</summary>
internal sealed class DecodePiece(DenoiseTask task) : SidePiece(task.Job, task.Model)
{
    public DenoiseTask Task { get; } = task;

    /// <summary>Made only now: pictures that wait have nothing but their latents.</summary>
    public byte[] Rgb { get; private set; } = [];

    protected override string Need => $"decoding a picture of {Task.Job.Request.Width}x{Task.Job.Request.Height}";

    protected override void Work()
    {
        var (batch, scale) = (Task.Group.Batch, Model.Info.VaeScale);
        Rgb = new byte[batch.Height * scale * batch.Width * scale * 3];
        Model.DecodeLatents(batch.Height, batch.Width, Task.Latents, Rgb);
    }

    protected override DenoiseFailure Describe(Exception e) => e is ArithmeticException
        ? new DenoiseFailure("numeric", $"The VAE decoder gave numbers that are not finite; usually a float16 VAE that overflows: use a float32 export. {e.Message}", Retry: false, e)
        : new DenoiseFailure("model_failed", $"The VAE decoder failed: {e.Message}", Retry: true, e);
}
