using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;

namespace ImageService.Worker;

/// <summary>
/// Loaded models, the most recently used last. Loading happens on the thread pool, so that running batches go on meanwhile; all else, unloading too,
/// on the engine's thread.
/// </summary>
internal sealed class ModelPool(WorkerModels models, int maxLoaded, ILogger<ModelPool> logger, TimeProvider time) : IModelSource, IDisposable
{
    private readonly List<(string Id, IDiffusionModel Model)> _loaded = [];
    private readonly Dictionary<string, Task<IDiffusionModel>> _loading = [];
    private readonly List<string> _preloaded = [];
    private int _preloading;

    /// <summary>Called from the thread pool when a load has ended, well or not.</summary>
    public Action? LoadEnded { get; set; }

    /// <summary>Called when a model is ready for its first job, or was loaded ahead.</summary>
    public Action<IDiffusionModel>? Ready { get; set; }

    /// <summary>Called before a model is unloaded.</summary>
    public Action<IDiffusionModel>? Unloading { get; set; }

    /// <summary>Models loaded ahead that are not ready yet. Any thread may ask.</summary>
    public int Preloading => Volatile.Read(ref _preloading);

    /// <summary>Begins to load as many models as may stay, the default one first, so that the first job need not wait.</summary>
    public void Preload()
    {
        var ahead = models.Descriptions.OrderByDescending(d => d.Id == models.Default).Take(maxLoaded).ToList();
        Volatile.Write(ref _preloading, ahead.Count);
        foreach (var description in ahead)
        {
            _preloaded.Add(description.Id);
            StartLoading(description.Id);
        }
    }

    /// <summary>Makes those ready that were loaded ahead and are there now; to be called after <see cref="LoadEnded"/>.</summary>
    public void TakePreloaded()
    {
        for (var i = _preloaded.Count - 1; i >= 0; i--)
        {
            var id = _preloaded[i];
            if (_loading.TryGetValue(id, out var load) && !load.IsCompleted)
                continue;
            // One that failed stays for the job that asks for it to say so.
            if (load?.IsCompletedSuccessfully == true)
                Take(id, load);
            _preloaded.RemoveAt(i);
            Interlocked.Decrement(ref _preloading);
        }
    }

    public ModelAvailability Find(string id, Func<IDiffusionModel, bool> inUse, out IDiffusionModel? model)
    {
        var place = _loaded.FindIndex(m => m.Id == id);
        if (place >= 0)
        {
            var found = _loaded[place];
            _loaded.RemoveAt(place);
            _loaded.Add(found);
            model = found.Model;
            return ModelAvailability.Ready;
        }
        model = null;
        if (_loading.TryGetValue(id, out var load))
        {
            if (!load.IsCompleted)
                return ModelAvailability.Loading;
            model = Take(id, load);
            return ModelAvailability.Ready;
        }
        if (!MakeRoom(inUse))
            return ModelAvailability.NoRoom;
        StartLoading(id);
        return ModelAvailability.Loading;
    }

    /// <summary>Unloads everything. A load under way is waited for: the native runtime crashes where its process ends amid one.</summary>
    public void Dispose()
    {
        foreach (var (_, model) in _loaded)
            model.Dispose();
        _loaded.Clear();
        foreach (var load in _loading.Values)
        {
            Task.WaitAny(load);
            if (load.IsCompletedSuccessfully)
                load.Result.Dispose();
        }
        _loading.Clear();
    }

    private IDiffusionModel Take(string id, Task<IDiffusionModel> load)
    {
        _loading.Remove(id);
        var model = load.GetAwaiter().GetResult();
        _loaded.Add((id, model));
        Ready?.Invoke(model);
        return model;
    }

    private void StartLoading(string id)
    {
        var loading = _loading[id] = Task.Run(() => Load(id));
        loading.ContinueWith(_ => LoadEnded?.Invoke(), TaskScheduler.Default);
    }

    private bool MakeRoom(Func<IDiffusionModel, bool> inUse)
    {
        while (_loaded.Count + _loading.Count >= maxLoaded)
        {
            var place = _loaded.FindIndex(m => !inUse(m.Model));
            if (place < 0)
                return false;
            var (id, model) = _loaded[place];
            _loaded.RemoveAt(place);
            Unloading?.Invoke(model);
            model.Dispose();
            Log.ModelUnloaded(logger, id);
        }
        return true;
    }

    private IDiffusionModel Load(string id)
    {
        var began = time.GetTimestamp();
        try
        {
            var model = models.Load(id);
            var seconds = time.GetElapsedTime(began).TotalSeconds;
            WorkerTelemetry.Loaded(seconds);
            Log.ModelLoaded(logger, id, seconds);
            if (!model.Info.TimestepPerRow)
                Log.ScalarTimestep(logger, id);
            return model;
        }
        catch (Exception e)
        {
            Log.ModelNotLoaded(logger, e, id);
            throw;
        }
    }
}
