using ImageService.Core;
using ImageService.Diffusion.Denoise;
using Microsoft.Extensions.Options;

namespace ImageService.Worker;

/// <summary>What this worker's own steps take, model by model: the pace that it announces. Any thread may ask.</summary>
internal sealed class PaceMeter(RowPolicy rows, IOptions<WorkerOptions> options)
{
    // Of a step's weight after each later one: about the last two hundred count.
    private const double Keep = 0.995;
    private const double KeepOfJob = 0.9;
    private const int EnoughSteps = 5;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Measured> _models = [];
    private Measured? _last;

    /// <summary>Counts a turn of the engine.</summary>
    /// <param name="seconds">Since the turn before, or since there was nothing to draw: whatever else was done.</param>
    public void Turned(in TurnReport turn, double seconds)
    {
        lock (_gate)
        {
            if (turn.Rows > 0)
            {
                if (!_models.TryGetValue(turn.Batch.Model, out _last))
                {
                    // The first call makes buffers and tries ways to compute: it says nothing of those that follow.
                    _last = _models[turn.Batch.Model] = new Measured();
                    return;
                }
                if (turn.SecondsAlone > 0)
                    _last.Step(turn, rows.RowsFor(turn.Batch));
            }
            // A turn without a step ends what an earlier one began.
            _last?.Turn(seconds);
        }
    }

    /// <summary>Counts a finished job.</summary>
    /// <param name="seconds">From its last step to its end in the store.</param>
    public void Ended(string model, double seconds)
    {
        lock (_gate)
        {
            if (_models.TryGetValue(model, out var measured))
                measured.EndSeconds = measured.EndSeconds is { } before ? (before * KeepOfJob) + (seconds * (1 - KeepOfJob)) : seconds;
        }
    }

    /// <summary>The pace of each model of which enough steps were seen.</summary>
    public WorkerPace Read()
    {
        lock (_gate)
            return new WorkerPace(options.Value.Id, [.. _models.Where(m => m.Value.Steps >= EnoughSteps).Select(m => m.Value.Read(m.Key, options.Value.LookAheadRows))]);
    }

    private sealed class Measured
    {
        private readonly LineFit _stepSeconds = new(Keep); // by units in the call
        private double _rows;
        private double _budget;
        private double _turns;

        public int Steps { get; private set; }

        public double? EndSeconds { get; set; }

        public void Step(in TurnReport turn, int budget)
        {
            Steps++;
            _stepSeconds.Add(turn.Rows * turn.RowUnits, turn.SecondsAlone);
            (_rows, _budget, _turns) = ((_rows * Keep) + turn.Rows, (_budget * Keep) + budget, _turns * Keep);
        }

        public void Turn(double seconds) => _turns += seconds;

        public ModelPace Read(string model, int lookAheadRows)
        {
            var (constant, slope) = _stepSeconds.Fit();
            // Prompts and decoding go with the pictures, and so with the units drawn, however many calls they take. What they cost beside a step is what it lost.
            var besides = Math.Max(0, _turns - _stepSeconds.SumY) / _stepSeconds.SumX;
            var callRows = Math.Max(1, (int)Math.Round(_budget / _stepSeconds.Weight));
            return new ModelPace
            {
                Model = model,
                CallSeconds = constant,
                UnitSeconds = slope + besides,
                RowUnits = _stepSeconds.SumX / _rows,
                CallRows = callRows,
                HeldRows = callRows + lookAheadRows,
                EndSeconds = EndSeconds ?? 0,
            };
        }
    }
}
