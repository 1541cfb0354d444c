using System.Globalization;

namespace ImageService.Benchmarks.Service;

/// <summary>What the service counts, read from its Prometheus page.</summary>
/// <param name="Rows">U-Net rows so far.</param>
/// <param name="Calls">U-Net calls so far.</param>
/// <param name="Pictures">Pictures decoded so far.</param>
internal readonly record struct Counters(double Rows, double Calls, double Pictures)
{
    public static async Task<Counters> ReadAsync(HttpClient client, CancellationToken cancellationToken)
    {
        var lines = (await client.GetStringAsync("/metrics", cancellationToken)).Split('\n');
        return new Counters(Sum(lines, "imageservice_step_rows_sum"), Sum(lines, "imageservice_step_rows_count"), Sum(lines, "imageservice_decode_duration_seconds_count"));
    }

    public static Counters operator -(Counters late, Counters early) => new(late.Rows - early.Rows, late.Calls - early.Calls, late.Pictures - early.Pictures);

    public static Counters operator +(Counters one, Counters other) => new(one.Rows + other.Rows, one.Calls + other.Calls, one.Pictures + other.Pictures);

    // name{labels} value [timestamp]; absent before the first of its kind.
    private static double Sum(string[] lines, string name) => lines
        .Where(l => l.StartsWith(name, StringComparison.Ordinal) && l.Length > name.Length && l[name.Length] is '{' or ' ')
        .Sum(l => double.Parse(l[(l.LastIndexOf('}') is >= 0 and var end ? end + 1 : name.Length)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
}
