using System.Diagnostics.Metrics;

namespace ImageService.Storage.Telemetry;

/// <summary>A count for each of a few values of one label.</summary>
internal sealed class Tally(string label, params string[] values)
{
    private readonly long[] _counts = new long[values.Length];

    public void Add(string value) => Interlocked.Increment(ref _counts[Array.IndexOf(values, value)]);

    public IEnumerable<Measurement<long>> Read() =>
        values.Select((value, i) => new Measurement<long>(Interlocked.Read(ref _counts[i]), new KeyValuePair<string, object?>(label, value)));
}
