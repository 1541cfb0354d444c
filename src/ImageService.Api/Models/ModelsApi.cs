using ImageService.Api.OpenApi;
using ImageService.Api.Problems;
using ImageService.Core;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ImageService.Api.Models;

/// <summary><c>/v1/models</c> and <c>/v1/schedulers</c>: what a request may name.</summary>
internal static class ModelsApi
{
    public static void MapModels(this IEndpointRouteBuilder routes)
    {
        var models = routes.MapGroup("/v1/models").WithTags("Models").ProducesProblems(503);
        models.MapGet("", List).WithName("listModels").WithSummary("List the models that workers can draw with");
        models.MapGet("/{id}", Get).WithName("getModel").WithSummary("Look at one model").ProducesProblems(404);
        routes.MapGet("/v1/schedulers", Schedulers).WithTags("Models").WithName("listSchedulers")
            .WithSummary("List the noise schedulers with their aliases");
    }

    private static async Task<Ok<ModelListResponse>> List(ModelCatalog catalog, CancellationToken cancellationToken)
    {
        var models = await catalog.ListAsync(cancellationToken);
        return TypedResults.Ok(new ModelListResponse("list", [.. models.Select(ModelResponse.From)]));
    }

    private static async Task<Ok<ModelResponse>> Get(string id, ModelCatalog catalog, CancellationToken cancellationToken)
    {
        var models = await catalog.ListAsync(cancellationToken);
        var model = models.FirstOrDefault(m => m.Id == id)
            ?? throw new ProblemException(ProblemKind.ModelNotFound, "No worker has announced a model of that id.");
        return TypedResults.Ok(ModelResponse.From(model));
    }

    private static Ok<SchedulerListResponse> Schedulers() =>
        TypedResults.Ok(new SchedulerListResponse([.. SchedulerNames.All.Select(s => new SchedulerResponse(s.Name, s.Aliases))]));
}

/// <summary>The noise schedulers.</summary>
internal sealed record SchedulerListResponse(IReadOnlyList<SchedulerResponse> Schedulers);

/// <param name="Name">The canonical name.</param>
/// <param name="Aliases">diffusers' class name and A1111's label, accepted in any case.</param>
internal sealed record SchedulerResponse(string Name, IReadOnlyList<string> Aliases);
