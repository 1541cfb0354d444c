using ImageService.Core;

namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Jobs whose prompts are not encoded yet, clients in turn. One whose model is not there lets others pass, but not for ever: when they
/// have for <paramref name="ageLimit"/> turns, nobody behind it may go on using the models that are in its way.
/// </summary>
internal sealed class ArrivalLine(IModelSource models, Func<IDiffusionModel, bool> inUse, int ageLimit)
{
    private readonly FairLine<DenoiseJob> _line = new();

    public int Count => _line.Count;

    public IEnumerable<DenoiseJob> Jobs => _line.Members;

    public void Add(DenoiseJob job) => _line.Add(job, new Charge(job.Client, job.Request.Priority, RequestCost.Of(job.Request)));

    public void Remove(DenoiseJob job) => _line.Remove(job);

    /// <summary>Takes out the first job whose model is ready, or whose model could not be loaded.</summary>
    /// <param name="mayCome">Whether there is time for it now; if not, nobody overtakes it.</param>
    /// <returns>Null if there is none.</returns>
    public Arrival? Next(long turn, Func<DenoiseJob, IDiffusionModel, bool> mayCome)
    {
        _line.Look(turn);
        while (_line.MoveNext())
        {
            var job = _line.Current;
            var availability = Find(job, out var model, out var failure);
            if (model is not null && !mayCome(job, model))
                return null;
            if (model is not null || failure is not null)
            {
                _line.Take();
                return new Arrival(job, model, failure);
            }
            if (availability == ModelAvailability.NoRoom && _line.PassedFor > ageLimit)
                return null;
        }
        return null;
    }

    private ModelAvailability Find(DenoiseJob job, out IDiffusionModel? model, out Exception? failure)
    {
        (model, failure) = (null, null);
        try
        {
            return models.Find(job.Request.Model, inUse, out model);
        }
        catch (Exception e)
        {
            failure = e;
            return ModelAvailability.NoRoom;
        }
    }
}

/// <param name="Model">Null if it could not be loaded; then there is a <paramref name="Failure"/>.</param>
internal readonly record struct Arrival(DenoiseJob Job, IDiffusionModel? Model, Exception? Failure);
