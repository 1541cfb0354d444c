namespace ImageService.Benchmarks;

/// <summary>The ways of batching that are compared: values of <c>Engine:Batching</c>.</summary>
internal static class Policies
{
    /// <summary>Jobs join and leave between steps.</summary>
    public const string Step = "step";

    /// <summary>Batches of equal steps, guidance and scheduler, drawn to their end.</summary>
    public const string Equal = "equal";

    /// <summary>Batches of any jobs, drawn until the longest of them is done.</summary>
    public const string Padded = "padded";

    /// <summary>One job after the other.</summary>
    public const string Serial = "serial";

    public static IReadOnlyList<string> All { get; } = [Step, Equal, Padded, Serial];
}
