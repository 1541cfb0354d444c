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

    /// <exception cref="ModelFolderException"><c>Models:Default</c> is missing or cannot be used.</exception>
    /// <exception cref="ExecutionUnavailableException"><c>Execution:Provider</c> is cuda and there is no GPU that works.</exception>
    public OnnxModels(IOptions<OnnxOptions> options, ILogger<OnnxModels> logger)
    {
        var models = options.Value.Models;
        var path = Path.GetFullPath(models.Path ?? DefaultPath());
        var refused = ReadFolders(path, models.Default, logger);
        if (models.Default is { } id && !_folders.ContainsKey(id))
            throw refused ?? new ModelFolderException($"Models:Default is {id}, but {Path.Combine(path, id)} is not a model folder.");
        _descriptions = _folders.Values.Select(f => f.Info.Description).ToArray();
        Log.ModelsFound(logger, _folders.Count, path, string.Join(", ", _folders.Keys));
        _runtime = OrtRuntime.Start(options.Value.Execution, logger);
    }

    /// <summary>In order of id. A large model's hash is filled in when it is first loaded.</summary>
    public IReadOnlyList<ModelDescription> Descriptions => _descriptions;

    /// <summary><c>cpu</c> or <c>cuda</c>: recorded in every picture.</summary>
    public string Provider => _runtime.OnCpu ? "cpu" : "cuda";

    /// <summary>ONNX Runtime's version: recorded in every picture.</summary>
    public string RuntimeVersion => _runtime.Version;

    /// <summary>True where a new row count costs the device time when it first appears, so that few of them are better.</summary>
    public bool PrefersFewShapes => !_runtime.OnCpu;

    /// <summary>Loads a model: seconds, and its size in memory. The caller disposes of it. Thread-safe.</summary>
    /// <exception cref="KeyNotFoundException">There is no model of that id.</exception>
    /// <exception cref="ModelFolderException">A model file cannot be run.</exception>
    public IDiffusionModel Load(string id)
    {
        if (!_folders.TryGetValue(id, out var folder))
            throw new KeyNotFoundException($"There is no model '{id}'.");
        var model = OnnxDiffusionModel.Load(folder, _runtime);
        _descriptions[Array.FindIndex(_descriptions, d => d.Id == id)] = model.Info.Description;
        return model;
    }

    private ModelFolderException? ReadFolders(string path, string? defaultId, ILogger logger)
    {
        ModelFolderException? ofDefault = null;
        if (!Directory.Exists(path))
        {
            Log.NoModelsFolder(logger, path);
            return null;
        }
        foreach (var folder in Directory.EnumerateDirectories(path).Where(ModelFolder.LooksLikeOne).Order(StringComparer.Ordinal))
        {
            try
            {
                var model = ModelFolder.Read(folder);
                _folders.Add(model.Info.Description.Id, model);
            }
            catch (ModelFolderException e)
            {
                var name = Path.GetFileName(folder);
                if (name == defaultId)
                    ofDefault = e;
                Log.FolderRefused(logger, name, e.Message);
            }
        }
        return ofDefault;
    }

    private static string DefaultPath()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var models = Path.Combine(folder.FullName, "models");
            if (Directory.Exists(models))
                return models;
        }
        return Path.Combine(AppContext.BaseDirectory, "models");
    }
}
