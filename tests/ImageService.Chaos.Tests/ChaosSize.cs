namespace ImageService.Chaos.Tests;

/// <summary>
/// How much goes wrong. <c>CHAOS_SIZE=full</c> is the size of docs/reliability.md, anything else the short one; <c>CHAOS_SEED</c> is another order of
/// the same faults; <c>CHAOS_APPENDFSYNC</c> is how Redis writes its file.
/// </summary>
/// <param name="Jobs">Accepted jobs, at least.</param>
/// <param name="WorkerKills">SIGKILLs of a worker.</param>
/// <param name="WorkerStops">Workers stopped for longer than their lease.</param>
/// <param name="RedisKills">SIGKILLs of Redis, which comes back on its files.</param>
/// <param name="RedisStops">Redis stopped for longer than every lease: results wait in its sockets while the leases end.</param>
internal sealed record ChaosSize(int Jobs, int WorkerKills, int WorkerStops, int RedisKills, int RedisStops)
{
    public static bool IsFull => Environment.GetEnvironmentVariable("CHAOS_SIZE") == "full";

    public static ChaosSize Chosen => IsFull ? new(500, 15, 10, 3, 2) : new(60, 2, 1, 1, 1);

    public static int Seed => int.TryParse(Environment.GetEnvironmentVariable("CHAOS_SEED"), out var seed) ? seed : 1;

    public static string Fsync => Environment.GetEnvironmentVariable("CHAOS_APPENDFSYNC") is { Length: > 0 } chosen ? chosen : "always";
}
