using System.Diagnostics;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Worker;

namespace ImageService.Benchmarks.Device;

/// <summary>The calls of a loaded model, timed.</summary>
/// <param name="side">Pixels of a picture's side in the U-Net; 0 = the model's own size.</param>
/// <param name="seconds">Of each measurement; each call runs at least twice, the first time not counted.</param>
internal sealed class ModelParts(IDiffusionModel model, int side, double seconds)
{
    /// <returns>Median seconds of a U-Net call.</returns>
    public double Step(int rows)
    {
        var batch = Batch(rows);
        return Median(() => model.PredictNoise(batch));
    }

    /// <returns>Median seconds of all text encoders over one window.</returns>
    public double Encode() => Median(() =>
    {
        for (var i = 0; i < model.Info.TextEncoders.Count; i++)
        {
            var encoder = model.Info.TextEncoders[i];
            model.EncodeTokens(i, new int[encoder.ContextLength], null, new float[encoder.ContextLength * encoder.HiddenSize], []);
        }
    });

    /// <summary>U-Net calls on one thread and VAE decodes on another, each as fast as they can.</summary>
    public Beside Beside(int rows, int decodedSide)
    {
        var batch = Batch(rows);
        var step = Median(() => model.PredictNoise(batch));
        var decode = Median(Decode(decodedSide));
        using var over = new CancellationTokenSource();
        var decodes = new List<double>();
        var beside = new Thread(() =>
        {
            ThreadNiceness.Lower();
            var work = Decode(decodedSide);
            while (!over.IsCancellationRequested)
                decodes.Add(Time(work));
        });
        beside.Start();
        var steps = new List<double>();
        var began = Stopwatch.GetTimestamp();
        while (steps.Count < 2 || Stopwatch.GetElapsedTime(began).TotalSeconds < Math.Max(seconds, 3 * decode))
            steps.Add(Time(() => model.PredictNoise(batch)));
        var took = Stopwatch.GetElapsedTime(began).TotalSeconds;
        over.Cancel();
        beside.Join();
        // The last decode went on alone for a part: it counts for the part that did not.
        var done = decodes.Count - 1 + Math.Clamp((took - decodes.SkipLast(1).Sum()) / decodes[^1], 0, 1);
        return new Beside(step, decode, steps.Average(), steps.Max(), decodes.Average(), took / ((steps.Count * step) + (done * decode)));
    }

    private Action Decode(int pixels)
    {
        var latents = pixels / model.Info.VaeScale;
        var content = Noise(model.Info.LatentChannels * latents * latents);
        var rgb = new byte[3 * pixels * pixels];
        return () => model.DecodeLatents(latents, latents, content, rgb);
    }

    private UNetBatch Batch(int rows)
    {
        var info = model.Info;
        var (height, width) = side == 0 ? (info.Description.DefaultHeight, info.Description.DefaultWidth) : (side, side);
        var batch = new UNetBatch(BatchKey.OfPixels(info, width, height), info, rows) { Rows = rows };
        Noise(batch.Sample.Length).CopyTo(batch.Sample, 0);
        Array.Fill(batch.Timestep, 500);
        return batch;
    }

    private static float[] Noise(int length)
    {
        var random = new Random(1);
        var values = new float[length];
        for (var i = 0; i < length; i++)
            values[i] = (float)((2 * random.NextDouble()) - 1);
        return values;
    }

    private double Median(Action call)
    {
        call();
        var times = new List<double>();
        while (times.Sum() < seconds)
            times.Add(Time(call));
        times.Sort();
        return times[times.Count / 2];
    }

    private static double Time(Action call)
    {
        var began = Stopwatch.GetTimestamp();
        call();
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}

/// <summary>Seconds of calls alone and at the same time.</summary>
/// <param name="OfSequential">Time that both took together, of what as many calls and decodes take one after the other: below 1 the device had room for both.</param>
internal readonly record struct Beside(double StepAlone, double DecodeAlone, double StepMean, double StepLongest, double Decode, double OfSequential);
