using ImageService.Onnx.Runtime;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ImageService.Onnx.Tests;

public sealed class OnnxModelsTests
{
    [Fact]
    public void A_bad_folder_is_left_out_with_one_line_that_says_why()
    {
        using var good = TemporaryModel.Copy("tiny-sd15");
        Directory.CreateDirectory(good["../broken"]);
        File.WriteAllText(good["../broken/model_index.json"], "{}");
        Directory.CreateDirectory(good["../no-model-at-all"]);
        var log = new LogLines();
        var models = Start(log, ("Models:Path", good[".."]), ("Models:Default", "tiny-sd15"), ("Execution:Provider", "cpu"));

        Assert.Equal("tiny-sd15", Assert.Single(models.Descriptions).Id);
        var line = Assert.Single(log.Warnings);
        Assert.Contains("broken", line);
        Assert.Contains("_class_name is missing", line);
        using var model = models.Load("tiny-sd15");
        Assert.Equal(models.Descriptions[0], model.Info.Description);
        Assert.Throws<KeyNotFoundException>(() => models.Load("broken"));
    }

    [Fact]
    public void A_default_that_is_refused_or_missing_ends_the_start()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        File.Delete(folder["tokenizer/vocab.json"]);
        Assert.Contains("vocab.json", Assert.Throws<ModelFolderException>(() => Start(new LogLines(), ("Models:Path", folder[".."]), ("Models:Default", "tiny-sd15"))).Message);
        Assert.Contains("Models:Default is gone", Assert.Throws<ModelFolderException>(() => Start(new LogLines(), ("Models:Path", folder[".."]), ("Models:Default", "gone"))).Message);
    }

    [Fact]
    public void Cuda_without_a_library_or_a_package_ends_the_start()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        var message = Assert.Throws<ExecutionUnavailableException>(() => Start(new LogLines(), ("Models:Path", folder[".."]), ("Execution:Provider", "cuda"))).Message;
        Assert.StartsWith("Execution:Provider cuda", message);
        Assert.DoesNotContain('\n', message);
        Assert.EndsWith(".", message);
        message = Assert.Throws<ExecutionUnavailableException>(() => Start(
            new LogLines(), ("Models:Path", folder[".."]), ("Execution:Provider", "cuda"), ("Execution:CudaLibrary", "/nowhere/cuda.so"))).Message;
        Assert.Contains("/nowhere/cuda.so is missing", message);
    }

    [Fact]
    public void Auto_without_a_GPU_takes_the_CPU_and_says_so_once()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        var log = new LogLines();
        var models = Start(log, ("Models:Path", folder[".."]), ("Execution:Provider", "auto"));
        Assert.Equal("cpu", models.Provider);
        Assert.Contains("the CPU", Assert.Single(log.All, l => l.Contains("CPU", StringComparison.Ordinal)));
        Assert.Empty(log.Warnings);

        log = new LogLines();
        models = Start(log, ("Models:Path", folder[".."]), ("Execution:Provider", "auto"), ("Execution:CudaLibrary", "/nowhere/cuda.so"));
        Assert.Equal("cpu", models.Provider);
        Assert.Contains("/nowhere/cuda.so is missing", Assert.Single(log.Warnings));
    }

    [Theory]
    [InlineData("Execution:Provider", "tpu", "auto, cpu or cuda")]
    [InlineData("Execution:IntraOpThreads", "-1", "IntraOpThreads")]
    [InlineData("Execution:CudaDevice", "64", "CudaDevice")]
    [InlineData("Execution:CudaConvolutionSearch", "fast", "heuristic, exhaustive or default")]
    [InlineData("Execution:CudaArenaGrowth", "double", "as_requested or power_of_two")]
    [InlineData("Execution:CudaArenaMiB", "-1", "CudaArenaMiB")]
    public void A_wrong_setting_is_named(string key, string value, string part)
    {
        var failure = Assert.Throws<OptionsValidationException>(() => Start(new LogLines(), (key, value)));
        Assert.Contains(part, failure.Message);
    }

    private static OnnxModels Start(LogLines log, params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value)).Build();
        var services = new ServiceCollection().AddSingleton<ILoggerFactory>(log).AddSingleton(typeof(ILogger<>), typeof(Logger<>)).AddOnnxModels(configuration);
        return services.BuildServiceProvider().GetRequiredService<OnnxModels>();
    }

    private sealed class LogLines : ILoggerFactory, ILogger
    {
        public List<string> All { get; } = [];
        public List<string> Warnings { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) { }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            All.Add(formatter(state, exception));
            if (logLevel >= LogLevel.Warning)
                Warnings.Add(formatter(state, exception));
        }

        public void Dispose() { }
    }
}
