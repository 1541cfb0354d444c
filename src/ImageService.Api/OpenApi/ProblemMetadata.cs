using ImageService.Api.Problems;

namespace ImageService.Api.OpenApi;

/// <summary>Says in the OpenAPI document which problems an endpoint answers.</summary>
internal static class ProblemMetadata
{
    public static TBuilder ProducesProblems<TBuilder>(this TBuilder builder, params int[] statuses)
        where TBuilder : IEndpointConventionBuilder
    {
        foreach (var status in statuses)
            builder.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(ProblemBody), ["application/problem+json"]));
        return builder;
    }
}
