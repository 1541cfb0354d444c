using System.Collections.Concurrent;
using System.Globalization;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

/// <summary>
/// Rows that a U-Net call may have, for each model and size of picture. In this order: <c>Engine:RowBudgets</c>; <c>Engine:MaxRows</c>; what was measured for the
/// model, at other sizes inversely to the pixels; what suits the device. Any thread.
/// </summary>
internal sealed class RowBudgets
{
    /// <summary>No call has more rows unless the configuration says so.</summary>
    public const int MostMeasured = 32;

    // Two pictures with guidance: a short job need not wait for a long one even where rows cost the same in any call.
    private const int FewestMeasured = 4;
    private const int OnePicture = 2; // with guidance
    private const int CpuRows = 8;
    private const int DeviceRows = 16;

    private readonly EngineOptions _options;
    private readonly Dictionary<(int Width, int Height), int> _configured;
    private readonly ConcurrentDictionary<string, Known> _models = new();
    private readonly ILogger _logger;
    private readonly int _usual;

    public RowBudgets(IOptions<EngineOptions> options, WorkerModels models, ILogger<RowBudgets> logger)
    {
        _options = options.Value;
        _logger = logger;
        _usual = models.OnCpu ? CpuRows : DeviceRows;
        Policy = new RowPolicy
        {
            Budget = Planned,
            Lowered = Lowered,
            Sizes = _options.RowSizes ?? (models.OnCpu ? [] : RowPolicy.DeviceSizes),
            ExactRows = _options.ExactRows,
            Batching = _options.Batching,
        };
        _configured = _options.RowBudgets.ToDictionary(b => EngineOptions.TrySize(b.Key)!.Value, b => int.Parse(b.Value, CultureInfo.InvariantCulture));
        foreach (var model in models.Descriptions)
        {
            foreach (var ((width, height), rows) in _configured)
                WorkerTelemetry.RowBudget(model.Id, width, height, rows);
        }
    }

    /// <summary>The engine's rules by these budgets. It knows what was lowered, too.</summary>
    public RowPolicy Policy { get; }

    /// <summary>Rows for a size in pixels.</summary>
    public int For(string model, int width, int height) =>
        _models.TryGetValue(model, out var known)
            ? Policy.RowsFor(new BatchKey(model, height / known.VaeScale, width / known.VaeScale, ContextLength: 0))
            : Planned(model, width, height); // nothing was drawn with it yet, and so nothing lowered

    /// <summary>A model has come into memory. The first time it is measured, if that is wanted and nothing is configured for its own size.</summary>
    /// <param name="idle">Nothing is being drawn that a measurement would hold up.</param>
    public void Learn(IDiffusionModel model, bool idle, TimeProvider time)
    {
        var (info, size) = (model.Info, model.Info.Description);
        if (_models.TryGetValue(size.Id, out var known) && (known.Rows is not null || !idle))
            return;
        _models[size.Id] = new Known(info.VaeScale, size.DefaultWidth * size.DefaultHeight, null);
        if (!idle || _options.MeasureSeconds == 0 || _options.MaxRows is not null || Configured(size.DefaultWidth, size.DefaultHeight) is not null)
            return;
        var shape = BatchKey.OfPixels(info, size.DefaultWidth, size.DefaultHeight);
        var found = RowMeasurement.Measure(model, shape, MostMeasured, TimeSpan.FromSeconds(_options.MeasureSeconds), time);
        var rows = Believed(found);
        _models[size.Id] = new Known(info.VaeScale, size.DefaultWidth * size.DefaultHeight, rows);
        WorkerTelemetry.RowBudget(size.Id, size.DefaultWidth, size.DefaultHeight, rows);
        var calls = string.Join(", ", found.Calls.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Rows}: {1000 * c.Seconds:0.0} ms")));
        Log.RowsMeasured(_logger, size.Id, size.DefaultWidth, size.DefaultHeight, rows, calls, found.End, found.Seconds);
        if (found.Failure is not null)
            Log.MeasurementFailed(_logger, found.Failure, size.Id);
    }

    private void Lowered(BatchKey shape, int rows)
    {
        var (width, height) = Pixels(shape);
        WorkerTelemetry.RowBudget(shape.Model, width, height, rows);
        Log.RowsLowered(_logger, shape.Model, width, height, rows);
    }

    private (int Width, int Height) Pixels(BatchKey shape)
    {
        var scale = _models.TryGetValue(shape.Model, out var known) ? known.VaeScale : 1;
        return (shape.Width * scale, shape.Height * scale);
    }

    // A search that ran out of time has only shown that so many are worth it.
    private int Believed(MeasuredRows found) => found.End switch
    {
        MeasuredEnd.OutOfTime => Math.Max(_usual, found.Rows),
        MeasuredEnd.CallFailed when found.Rows == 0 => _usual,
        MeasuredEnd.CallFailed => found.Rows,
        _ => Math.Max(FewestMeasured, found.Rows),
    };

    private int Planned(BatchKey shape)
    {
        var (width, height) = Pixels(shape);
        return Planned(shape.Model, width, height);
    }

    private int Planned(string model, int width, int height)
    {
        if ((Configured(width, height) ?? _options.MaxRows) is { } configured)
            return configured;
        if (!_models.TryGetValue(model, out var known) || known.Rows is not { } measured)
            return _usual;
        return (int)Math.Clamp((long)measured * known.Pixels / ((long)width * height), OnePicture, Math.Max(MostMeasured, measured));
    }

    // Upright or lying, a picture costs the same.
    private int? Configured(int width, int height) =>
        _configured.Count == 0 ? null
        : _configured.TryGetValue((width, height), out var rows) || _configured.TryGetValue((height, width), out rows) ? rows
        : null;

    /// <param name="Pixels">Of the model's own size.</param>
    /// <param name="Rows">Measured at that size; null = not measured.</param>
    private sealed record Known(int VaeScale, int Pixels, int? Rows);
}
