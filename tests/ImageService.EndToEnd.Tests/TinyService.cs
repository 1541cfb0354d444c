using ImageService.Tests;

namespace ImageService.EndToEnd.Tests;

/// <summary>The service with the tiny reference models, started once for the tests of a class.</summary>
public sealed class TinyService : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private ServiceProcess? _service;

    public HttpClient Client => _service!.Client;

    /// <summary>Everything the service has printed.</summary>
    public string Output => _service!.Output;

    /// <summary>A folder of models below another one.</summary>
    public static string CopyModels(string folder)
    {
        var models = Path.Combine(folder, "models");
        GoldenFolder.CopyModel("tiny-sd15", models);
        GoldenFolder.CopyModel("tiny-sd21-v", models);
        return models;
    }

    public async ValueTask InitializeAsync() =>
        _service = await ServiceProcess.StartAsync(_folder.Path, CopyModels(_folder.Path), "Models:Default=tiny-sd15", "Limits:MaxQueuedJobs=50", "Engine:MaxLoadedModels=2");

    public async ValueTask DisposeAsync()
    {
        if (_service is not null)
            await _service.DisposeAsync();
        _folder.Dispose();
    }
}
