namespace ImageService.Diffusion.Denoise;

/// <summary>
/// Jobs whose prompts are not encoded yet, in the order in which they came. One whose model is not there lets others pass, but not for ever: after
/// <paramref name="ageLimit"/> turns nobody behind it may go on using the models that are in its way.
/// </summary>
internal sealed class ArrivalLine(IModelSource models, Func<IDiffusionModel, bool> inUse, int ageLimit)
{
    private readonly List<(DenoiseJob Job, long Turn)> _line = [];

    public int Count => _line.Count;

    public IEnumerable<DenoiseJob> Jobs => _line.Select(a => a.Job);

    public void Add(DenoiseJob job, long turn) => _line.Add((job, turn));

    public void Remove(DenoiseJob job) => _line.RemoveAll(a => ReferenceEquals(a.Job, job));

    /// <summary>Takes out the first job whose model is ready, or whose model could not be loaded.</summary>
    /// <returns>Null if there is none.</returns>
    public Arrival? Next(long turn)
    {
        for (var place = 0; place < _line.Count; place++)
        {
            var (job, since) = _line[place];
            var availability = Find(job, out var model, out var failure);
            if (model is not null || failure is not null)
            {
                _line.RemoveAt(place);
                return new Arrival(job, model, failure);
            }
            if (availability == ModelAvailability.NoRoom && turn - since > ageLimit)
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
