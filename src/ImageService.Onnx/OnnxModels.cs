using ImageService.Core;
using ImageService.Diffusion;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageService.Onnx;

/// <summary>The model folders that this process can draw with.</summary>
public sealed class OnnxModels
{
    private readonly Dictionary<string, ModelFolder> _folders = new(StringComparer.Ordinal);
    private readonly OnnxRuntimeHost _runtime;

    /// <exception cref="ModelFolderException">The default model, or every model, is refused, or the device that was asked for is not there.</exception>
    public OnnxModels(IOptions<ModelsOptions> models, IOptions<ExecutionOptions> execution, ILogger<OnnxModels> logger)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(execution);
        _runtime = new OnnxRuntimeHost(execution.Value);
        var path = models.Value.Path.Length > 0 ? models.Value.Path : FindModels();
        if (!Directory.Exists(path))
            throw new ModelFolderException($"Models:Path '{path}' is no folder.");
        string? refusal = null;
        foreach (var folder in Directory.EnumerateDirectories(path).Where(d => File.Exists(Path.Combine(d, "model_index.json"))).Order(StringComparer.Ordinal))
        {
            try
            {
                var read = ModelFolder.Read(folder);
                _folders[read.Description.Id] = read;
            }
            catch (ModelFolderException e) when (new DirectoryInfo(folder).Name != models.Value.Default)
            {
                refusal = e.Message;
                logger.ModelRefused(e.Message);
            }
        }
        if (_folders.Count == 0)
            throw new ModelFolderException(refusal ?? $"Models:Path '{path}' holds no model folder (one with a model_index.json).");
        if (models.Value.Default.Length > 0 && !_folders.ContainsKey(models.Value.Default))
            throw new ModelFolderException($"Models:Default '{models.Value.Default}' is no folder below {path}.");
        logger.ModelsFound(_folders.Count, path, _runtime.Provider, _runtime.Version);
    }

    /// <summary>By id. Known without loading.</summary>
    public IReadOnlyList<ModelDescription> Descriptions => [.. _folders.Values.Select(f => f.Description)];

    /// <summary>"cpu" or "cuda": recorded in every picture.</summary>
    public string Provider => _runtime.Provider;

    /// <summary>ONNX Runtime's version: recorded in every picture.</summary>
    public string RuntimeVersion => _runtime.Version;

    /// <summary>Loads a model's sessions; takes seconds. The caller disposes it.</summary>
    /// <exception cref="ModelFolderException">The id is unknown, or a graph does not fit its configuration.</exception>
    public IDiffusionModel Load(string id) => _folders.TryGetValue(id, out var folder) ? new OnnxDiffusionModel(_runtime, folder)
        : throw new ModelFolderException($"There is no model '{id}' here.");

    // A published program has its models beside it; a program run from a checkout finds those of the repository.
    private static string FindModels()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var models = Path.Combine(folder.FullName, "models");
            if (Directory.Exists(models) && Directory.EnumerateDirectories(models).Any(d => File.Exists(Path.Combine(d, "model_index.json"))))
                return models;
        }
        throw new ModelFolderException("No folder 'models' with a model is beside the program or above it: set Models:Path.");
    }
}
