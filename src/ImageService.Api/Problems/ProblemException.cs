namespace ImageService.Api.Problems;

/// <summary>
/// Ends a request with a problem. Thrown rather than returned because REST, gRPC and the compatible APIs share everything behind them and
/// each says the same failure in its own way.
/// </summary>
internal sealed class ProblemException(ProblemKind kind, string detail) : Exception(detail)
{
    public ProblemKind Kind { get; } = kind;

    /// <summary>Sentences by the name of the field they are about.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>When it makes sense to come back.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public static ProblemException Field(string name, string sentence) =>
        new(ProblemKind.InvalidRequest, sentence) { Errors = new Dictionary<string, string[]> { [name] = [sentence] } };

    public static ProblemException JobNotFound() =>
        new(ProblemKind.JobNotFound, "No job of that id is known; it may have been removed after its retention time.");
}
