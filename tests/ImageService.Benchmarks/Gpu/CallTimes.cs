using System.Diagnostics;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Onnx;
using Spectre.Console;

namespace ImageService.Benchmarks.Gpu;

/// <summary>The calls of a model, timed and compared with PyTorch's answers.</summary>
/// <param name="seconds">Of each timed call.</param>
internal sealed class CallTimes(OnnxModels models, string id, int side, double seconds, bool graphs)
{
    /// <param name="reference">Folder of NumPy files; null = none.</param>
    public ModelCalls Measure(IReadOnlyList<int> rowCounts, string? reference)
    {
        var began = Stopwatch.GetTimestamp();
        using var model = models.Load(id);
        var loaded = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Note($"{id} loaded in {loaded:f1} s");
        if (model.Info.Description.SizeMultiple is var multiple && side % multiple != 0)
            throw new ArgumentException($"--side must be a multiple of {multiple} for the model {id}, not {side}.");
        var (error, decibels) = reference is null ? (default(double?), default(double?)) : (UNetError(model, reference), PictureDecibels(model, reference));
        if (error is not null)
            Note($"U-Net against PyTorch: relative error {error:e2}; decoder: {decibels:f1} dB");
        var calls = new List<UNetCallTime>();
        var two = Batch(model, 2);
        model.PredictNoise(two);
        foreach (var rows in rowCounts)
        {
            calls.Add(Time(model, rows, two));
            Note($"{rows} rows: {calls[^1].Ms:f2} ms a call, {calls[^1].Ms / rows:f2} a row; first call {calls[^1].FirstSeconds:f2} s, {calls[^1].AllocatedBytes} B a call, {calls[^1].DecibelsToTwoRows:f1} dB to two rows, repeats {calls[^1].Repeats}");
        }
        var latents = model.Info.LatentChannels * (side / model.Info.VaeScale) * (side / model.Info.VaeScale);
        var (content, rgb) = (Noise(latents, 3), new byte[3 * side * side]);
        var decode = 1000 * Median(() => model.DecodeLatents(side / model.Info.VaeScale, side / model.Info.VaeScale, content, rgb));
        var encode = 1000 * Median(() => Encode(model));
        Note($"decode {decode:f2} ms, encode one prompt {encode:f2} ms");
        return new ModelCalls(id, side, graphs, loaded, error, decibels, decode, encode, calls);
    }

    private UNetCallTime Time(IDiffusionModel model, int rows, UNetBatch two)
    {
        var batch = Batch(model, rows);
        var began = Stopwatch.GetTimestamp();
        model.PredictNoise(batch);
        var first = Stopwatch.GetElapsedTime(began).TotalSeconds;
        model.PredictNoise(batch);
        var output = batch.Output.ToArray();
        var ms = 1000 * Median(() => model.PredictNoise(batch));
        var repeats = output.AsSpan().SequenceEqual(batch.Output);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++)
            model.PredictNoise(batch);
        var allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / 10;
        var shared = Math.Min(rows, 2) * batch.OutputRow;
        return new UNetCallTime(rows, ms, first, allocated, Decibels(two.Output.AsSpan(0, shared), batch.Output.AsSpan(0, shared)), repeats);
    }

    private static double? UNetError(IDiffusionModel model, string reference)
    {
        var sample = NumpyFile.Read(Path.Combine(reference, "sample.npy"));
        var context = NumpyFile.Read(Path.Combine(reference, "encoder_hidden_states.npy"));
        var rows = (int)sample.Shape[0];
        var batch = new UNetBatch(new BatchKey("reference", (int)sample.Shape[2], (int)sample.Shape[3], (int)context.Shape[1]), model.Info, rows) { Rows = rows };
        foreach (var (name, target) in new[] { ("sample", batch.Sample), ("timestep", batch.Timestep), ("encoder_hidden_states", batch.Context), ("text_embeds", batch.Pooled), ("time_ids", batch.TimeIds) })
        {
            if (target.Length > 0)
                NumpyFile.Read(Path.Combine(reference, name + ".npy")).Values<float>().CopyTo(target, 0);
        }
        // The first run may be one without a graph, the next ones are replays: all must agree with PyTorch.
        var wanted = NumpyFile.Read(Path.Combine(reference, "out_sample.npy")).Values<float>();
        var worst = 0.0;
        for (var run = 0; run < 3; run++)
        {
            Array.Fill(batch.Output, float.NaN);
            model.PredictNoise(batch);
            var (difference, length) = (0.0, 0.0);
            for (var i = 0; i < wanted.Length; i++)
            {
                difference += Math.Pow(batch.Output[i] - (double)wanted[i], 2);
                length += Math.Pow(wanted[i], 2);
            }
            worst = Math.Max(worst, Math.Sqrt(difference / length));
        }
        return worst;
    }

    private static double? PictureDecibels(IDiffusionModel model, string reference)
    {
        var latents = NumpyFile.Read(Path.Combine(reference, "latents.npy"));
        var wanted = NumpyFile.Read(Path.Combine(reference, "picture.npy")).Values<float>();
        var rgb = new byte[wanted.Length];
        model.DecodeLatents((int)latents.Shape[1], (int)latents.Shape[2], latents.Values<float>(), rgb);
        var squares = wanted.Zip(rgb, (a, b) => Math.Pow(a - b, 2)).Average();
        return squares == 0 ? null : 10 * Math.Log10(255 * 255 / squares);
    }

    private static double? Decibels(ReadOnlySpan<float> wanted, ReadOnlySpan<float> given)
    {
        var (squares, low, high) = (0.0, double.PositiveInfinity, double.NegativeInfinity);
        for (var i = 0; i < wanted.Length; i++)
        {
            squares += Math.Pow(wanted[i] - (double)given[i], 2);
            (low, high) = (Math.Min(low, wanted[i]), Math.Max(high, wanted[i]));
        }
        return squares == 0 ? null : 10 * Math.Log10((high - low) * (high - low) * wanted.Length / squares);
    }

    // Row r is the same in every batch.
    private UNetBatch Batch(IDiffusionModel model, int rows)
    {
        var info = model.Info;
        var latents = side / info.VaeScale;
        var batch = new UNetBatch(new BatchKey(id, latents, latents, info.TextEncoders[0].ContextLength), info, rows) { Rows = rows };
        for (var row = 0; row < rows; row++)
        {
            Noise(batch.SampleRow, row).CopyTo(batch.Sample, row * batch.SampleRow);
            Noise(batch.ContextRow, 1000 + row).CopyTo(batch.Context, row * batch.ContextRow);
            Noise(info.PooledSize, 2000 + row).CopyTo(batch.Pooled, row * info.PooledSize);
            batch.Timestep[row] = 999 - (17 * row);
        }
        Array.Fill(batch.TimeIds, side);
        return batch;
    }

    private static void Encode(IDiffusionModel model)
    {
        for (var i = 0; i < model.Info.TextEncoders.Count; i++)
        {
            var encoder = model.Info.TextEncoders[i];
            model.EncodeTokens(i, new int[encoder.ContextLength], null, new float[encoder.ContextLength * encoder.HiddenSize], []);
        }
    }

    private static float[] Noise(int length, int seed)
    {
        var random = new Random(seed);
        var values = new float[length];
        for (var i = 0; i < length; i++)
            values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }

    private double Median(Action call)
    {
        call();
        call();
        var times = new List<double>();
        for (var over = 0.0; over < seconds || times.Count < 5; over += times[^1])
        {
            var began = Stopwatch.GetTimestamp();
            call();
            times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        times.Sort();
        return times[times.Count / 2];
    }

    private static void Note(FormattableString what) => AnsiConsole.MarkupLineInterpolated(what);
}
