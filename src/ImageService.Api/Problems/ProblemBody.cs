using System.Text.Json.Serialization;

namespace ImageService.Api.Problems;

/// <summary>A failure, as RFC 9457 describes it.</summary>
/// <param name="Type">Which kind of failure: stable, <c>urn:imageservice:problem:</c> and a name.</param>
/// <param name="Title">The kind in words.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Detail">What happened this time.</param>
/// <param name="TraceId">Under which id the service's logs speak of it.</param>
/// <param name="Errors">By the name of the field, header or parameter: sentences that say what it may hold.</param>
internal sealed record ProblemBody(
    string Type, string Title, int Status, string Detail,
    [property: JsonPropertyName("traceId")] string TraceId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, string[]>? Errors);
