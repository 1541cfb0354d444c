using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Runtime;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageService.Onnx;

/// <summary>The models under <c>Models:Path</c>: known when the program starts, loaded when they are asked for.</summary>
public sealed class OnnxModels
{
    private readonly Dictionary<string, ModelFolder> _folders = new(StringComparer.Ordinal);
    private readonly ModelDescription[] _descriptions;
    private readonly OrtRuntime _runtime;

    /// <exception cref="ModelFolderException">The default model, or every model, is refused, or the device that was asked for is not there.</exception>
    public OnnxModels(IOptions<ModelsOptions> models, IOptions<ExecutionOptions> execution, ILogger<OnnxModels> logger)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(execution);
        var settings = execution.Value;
        var path = models.Value.Path.Length > 0 ? Path.GetFullPath(models.Value.Path) : FindModels();
        if (!Directory.Exists(path))
            throw new ModelFolderException($"Models:Path '{path}' is no folder.");
        var (id, refusal) = (models.Value.Default, ReadFolders(path, models.Value.Default, logger));
        if (id.Length > 0 && !_folders.ContainsKey(id))
            throw new ModelFolderException($"Models:Default '{id}' is no model folder below {path}.");
        if (_folders.Count == 0)
            throw refusal ?? new ModelFolderException($"Models:Path '{path}' holds no model folder (one with a model_index.json).");
        _descriptions = _folders.Values.Select(f => f.Info.Description).ToArray();
        _runtime = OrtRuntime.Start(settings, logger);
        Log.ModelsFound(logger, _folders.Count, path, string.Join(", ", _folders.Keys), RuntimeVersion, Provider);
    }

    /// <summary>In order of id. A large model's hash is filled in when it is first loaded.</summary>
    public IReadOnlyList<ModelDescription> Descriptions => _descriptions;

    /// <summary>"cpu" or "cuda": recorded in every picture.</summary>
    public string Provider => _runtime.Provider;

    /// <summary>ONNX Runtime's version: recorded in every picture.</summary>
    public string RuntimeVersion => _runtime.Version;

    /// <summary>Loads a model: seconds, and its size in memory. The caller disposes of it. Thread-safe.</summary>
    /// <exception cref="ModelFolderException">The id is unknown, or a model file cannot be run.</exception>
    public IDiffusionModel Load(string id)
    {
        if (!_folders.TryGetValue(id, out var folder))
            throw new ModelFolderException($"There is no model '{id}' here.");
        var model = OnnxDiffusionModel.Load(folder, _runtime);
        _descriptions[Array.FindIndex(_descriptions, d => d.Id == id)] = model.Info.Description;
        return model;
    }

    // What is refused is left out, unless it is the default, without which the service would answer most requests with an error.
    private ModelFolderException? ReadFolders(string path, string defaultId, ILogger logger)
    {
        ModelFolderException? refusal = null;
        foreach (var folder in Directory.EnumerateDirectories(path).Where(ModelFolder.LooksLikeOne).Order(StringComparer.Ordinal))
        {
            try
            {
                var model = ModelFolder.Read(folder);
                _folders.Add(model.Info.Description.Id, model);
            }
            catch (ModelFolderException e) when (Path.GetFileName(folder) != defaultId)
            {
                refusal = e;
                Log.FolderRefused(logger, Path.GetFileName(folder), e.Message);
            }
        }
        return refusal;
    }

    // A published program has its models beside it; a program run from a checkout finds those of the repository.
    private static string FindModels()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var models = Path.Combine(folder.FullName, "models");
            if (Directory.Exists(models) && Directory.EnumerateDirectories(models).Any(ModelFolder.LooksLikeOne))
                return models;
        }
        throw new ModelFolderException("No folder 'models' with a model is beside the program or above it: set Models:Path.");
    }
}
