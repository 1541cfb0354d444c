using ImageService.Api.Problems;
using ImageService.Core;
using Microsoft.Extensions.Options;

namespace ImageService.Api.Models;

/// <summary>The models that workers have announced, kept for a moment so that a submit costs the store one call and not two.</summary>
internal sealed class ModelCatalog(
    TimedJobStore store, IOptions<ApiOptions> options, IOptions<DefaultModelOptions> defaults, TimeProvider time)
{
    private volatile Snapshot? _latest;

    /// <summary>By id.</summary>
    public async ValueTask<IReadOnlyList<ModelDescription>> ListAsync(CancellationToken cancellationToken)
    {
        var age = TimeSpan.FromSeconds(options.Value.ModelCacheSeconds);
        if (_latest is { } snapshot && time.GetElapsedTime(snapshot.TakenAt) < age)
            return snapshot.Models;
        var models = (await store.ListModelsAsync(cancellationToken)).OrderBy(m => m.Id, StringComparer.Ordinal).ToArray();
        // An empty list is what a starting service has: look again at once.
        if (models.Length > 0)
            _latest = new Snapshot(models, time.GetTimestamp());
        return models;
    }

    /// <summary>The model of that id, or the default one.</summary>
    /// <exception cref="ProblemException">404 for an unknown id, 503 when no default is there yet.</exception>
    public async ValueTask<ModelDescription> FindAsync(string? id, CancellationToken cancellationToken)
    {
        var models = await ListAsync(cancellationToken);
        if (id is not null)
        {
            return models.FirstOrDefault(m => m.Id == id) ?? throw new ProblemException(ProblemKind.ModelNotFound,
                "model must be the id of an announced model; GET /v1/models lists them.")
            {
                Errors = new Dictionary<string, string[]> { ["model"] = [KnownModels(models)] },
            };
        }
        var wanted = defaults.Value.Default;
        return models.FirstOrDefault(m => wanted.Length == 0 || m.Id == wanted)
            ?? throw new ProblemException(ProblemKind.NoModel, wanted.Length == 0
                ? "No worker has announced a model yet; try again shortly."
                : $"No worker has announced the default model '{wanted}' yet; try again shortly.")
            {
                RetryAfter = TimeSpan.FromSeconds(options.Value.RetryAfterSeconds),
            };
    }

    private static string KnownModels(IReadOnlyList<ModelDescription> models) => models.Count == 0
        ? "model can name none yet: no worker has announced one."
        : $"model must be one of {string.Join(", ", models.Take(20).Select(m => m.Id))}.";

    private sealed record Snapshot(IReadOnlyList<ModelDescription> Models, long TakenAt);
}
