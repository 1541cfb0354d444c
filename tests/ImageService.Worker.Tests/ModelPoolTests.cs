using System.Diagnostics;
using System.Collections.Concurrent;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageService.Worker.Tests;

public sealed class ModelPoolTests
{
    private readonly ConcurrentDictionary<string, FakeDiffusionModel> _models = [];
    private readonly List<IDiffusionModel> _unloading = [];
    private TaskCompletionSource _loadEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task A_model_is_loaded_aside_and_found_afterwards()
    {
        using var pool = Pool(maxLoaded: 1);
        Assert.Equal(ModelAvailability.Loading, pool.Find("a", Free, out var none));
        Assert.Null(none);
        await _loadEnded.Task;
        Assert.Equal(ModelAvailability.Ready, pool.Find("a", Free, out var model));
        Assert.Same(_models["a"], model);
    }

    [Theory]
    [InlineData(1, "b")]
    [InlineData(2, "a b")]
    [InlineData(5, "a b c")]
    public async Task As_many_models_as_may_stay_are_loaded_ahead_the_default_one_first(int maxLoaded, string ahead)
    {
        using var pool = Pool(maxLoaded, described: ["a", "b", "c"]);
        pool.Preload();
        Assert.Equal(ahead.Split(' ').Length, pool.Preloading);
        var limit = Stopwatch.StartNew();
        while (_models.Count < pool.Preloading && limit.Elapsed < TimeSpan.FromSeconds(30))
            await Task.Delay(5, TestContext.Current.CancellationToken);
        Assert.Equal(ahead.Split(' '), _models.Keys.Order());
    }

    [Fact]
    public async Task The_model_unused_for_longest_makes_room_unless_it_is_in_use()
    {
        using var pool = Pool(maxLoaded: 2);
        await Loaded(pool, "a");
        await Loaded(pool, "b");
        pool.Find("a", Free, out _);

        await Loaded(pool, "c");
        Assert.Same(_models["b"], Assert.Single(_unloading));
        Assert.True(_models["b"].Disposed);

        Assert.Equal(ModelAvailability.NoRoom, pool.Find("d", _ => true, out _));
        Assert.False(_models["a"].Disposed);
    }

    [Fact]
    public async Task A_load_that_failed_is_told_once_and_tried_again()
    {
        var attempts = 0;
        using var pool = Pool(maxLoaded: 1, id => ++attempts == 1 ? throw new IOException("half a file") : new FakeDiffusionModel(id));
        pool.Find("a", Free, out _);
        await _loadEnded.Task;

        Assert.Throws<IOException>(() => pool.Find("a", Free, out _));
        await Loaded(pool, "a");
    }

    [Fact]
    public async Task Disposal_unloads_everything()
    {
        var pool = Pool(maxLoaded: 2);
        await Loaded(pool, "a");
        await Loaded(pool, "b");
        pool.Dispose();

        Assert.All(_models.Values, m => Assert.True(m.Disposed));
    }

    [Fact]
    public async Task Disposal_waits_for_a_load_and_unloads_what_came_of_it()
    {
        // The second load ends when disposal is under way.
        var pool = Pool(maxLoaded: 2, id =>
        {
            Assert.True(id == "a" || SpinWait.SpinUntil(() => _models["a"].Disposed, TimeSpan.FromSeconds(30)));
            return _models[id] = new FakeDiffusionModel(id);
        });
        await Loaded(pool, "a");
        Assert.Equal(ModelAvailability.Loading, pool.Find("b", Free, out _));
        pool.Dispose();

        Assert.True(_models["b"].Disposed);
    }

    private static bool Free(IDiffusionModel model) => false;

    private async Task Loaded(ModelPool pool, string id)
    {
        _loadEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.Equal(ModelAvailability.Loading, pool.Find(id, Free, out _));
        await _loadEnded.Task;
        Assert.Equal(ModelAvailability.Ready, pool.Find(id, Free, out _));
    }

    private ModelPool Pool(int maxLoaded, Func<string, IDiffusionModel>? load = null, params string[] described)
    {
        var models = new WorkerModels([.. described.Select(id => new FakeDiffusionModel(id).Info.Description)],
            load ?? (id => _models[id] = new FakeDiffusionModel(id)), "cpu", Default: "b");
        return new ModelPool(models, maxLoaded, NullLogger<ModelPool>.Instance, TimeProvider.System)
        {
            LoadEnded = () => _loadEnded.TrySetResult(),
            Unloading = _unloading.Add,
        };
    }
}
