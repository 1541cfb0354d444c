using System.CommandLine;
using ImageService.Benchmarks.Reports;
using ImageService.Onnx;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace ImageService.Benchmarks.Gpu;

/// <summary><c>gpu</c>: the product's half of the GPU benchmark; <c>Gpu/run</c> does both halves in one command. Settings of <c>Execution</c> come from the environment.</summary>
internal static class GpuCommand
{
    private static readonly Option<DirectoryInfo> Models = new("--models") { Description = "Folder of model folders, as Gpu/torch_half.py export writes them.", Required = true };
    private static readonly Option<string> Model = new("--model") { Description = "One of them.", Required = true };
    private static readonly Option<DirectoryInfo?> Reference = new("--reference") { Description = "Inputs and PyTorch's answers for this model." };
    private static readonly Option<FileInfo> Output = new("--out") { Description = "Where to write the figures as JSON.", Required = true };
    private static readonly Option<GpuPart> PartOption = new("--part") { Description = "calls: what U-Net, text encoder and decoder take. service: the whole service under load. memory: more pictures than fit. loss: a device that fails. all: calls and service.", DefaultValueFactory = _ => GpuPart.All };
    private static readonly Option<int[]> Rows = new("--rows") { Description = "Row counts of U-Net calls.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [2, 4, 8, 16, 32] };
    private static readonly Option<int> Side = new("--side") { Description = "Pixels of a picture's side.", DefaultValueFactory = _ => 512 };
    private static readonly Option<int> Steps = new("--steps") { Description = "U-Net evaluations of a picture.", DefaultValueFactory = _ => 50 };
    private static readonly Option<string> Scheduler = new("--scheduler") { Description = "Of the pictures that the service draws; euler_a draws noise at each step.", DefaultValueFactory = _ => "dpmpp_2m" };
    private static readonly Option<int> Clients = new("--clients") { Description = "Callers who ask again as soon as they are answered.", DefaultValueFactory = _ => 16 };
    private static readonly Option<double> Seconds = new("--seconds") { Description = "Of each timed call.", DefaultValueFactory = _ => 2 };
    private static readonly Option<double> LoadSeconds = new("--load-seconds") { Description = "Of the service under load.", DefaultValueFactory = _ => 30 };
    private static readonly Option<bool> Plain = new("--plain") { Description = "Without CUDA graphs, to compare." };
    private static readonly Option<int> Arena = new("--arena") { Description = "With --part memory: MiB that a session may take, enough for 2 rows and too little for 32.", DefaultValueFactory = _ => 2600 };
    private static readonly Option<FileInfo> Watcher = new("--watcher") { Description = "With --part loss: the library made of Gpu/driver_calls.cu." };
    private static readonly Option<string?> Service = new("--service") { Description = "The service's executable; default: the one built in this checkout." };

    public static Command Create(string[] arguments)
    {
        Models.AcceptExistingOnly();
        Watcher.AcceptExistingOnly();
        Rows.EachWithin(1, 256);
        Side.Within(64, 2048);
        Steps.Within(1, 1000);
        Scheduler.AcceptOnlyFromAmong("dpmpp_2m", "euler_a");
        Clients.Within(1, 1000);
        Seconds.Within(0, 600);
        LoadSeconds.Within(1, 3600);
        Arena.Within(64, 1 << 24);
        var command = new Command("gpu", "U-Net calls, text encoder, VAE decoder and the whole service on a GPU.")
        {
            Models, Model, Reference, Output, PartOption, Rows, Side, Steps, Scheduler, Clients, Seconds, LoadSeconds, Plain, Arena, Watcher, Service,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, arguments, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, string[] arguments, CancellationToken cancellationToken)
    {
        var execution = new ExecutionOptions { Provider = "cuda" };
        new ConfigurationBuilder().AddEnvironmentVariables().Build().GetSection(ExecutionOptions.Section).Bind(execution);
        if (parsed.GetValue(Plain))
            execution.CudaGraphs = false;
        var options = new OnnxOptions { Models = { Path = parsed.GetValue(Models)!.FullName, Default = parsed.GetValue(Model) }, Execution = execution };
        var (part, side, watcher) = (parsed.GetValue(PartOption), parsed.GetValue(Side), parsed.GetValue(Watcher)?.FullName);
        if (part is GpuPart.Loss && watcher is null)
        {
            Console.Error.WriteLine("--part loss needs --watcher.");
            return 1;
        }
        List<ModelCalls> calls = [];
        List<ServiceUnderLoad> services = [];
        var file = parsed.GetValue(Output)!;
        file.Directory!.Create();
        try
        {
            var version = "not started here";
            if (part is GpuPart.All or GpuPart.Calls)
            {
                var models = new OnnxModels(Options.Create(options), new ConsoleLog<OnnxModels>());
                version = models.RuntimeVersion;
                calls.Add(new CallTimes(models, parsed.GetValue(Model)!, side, parsed.GetValue(Seconds), execution.CudaGraphs).Measure(parsed.GetValue(Rows)!, parsed.GetValue(Reference)?.FullName));
            }
            if (part is GpuPart.All or GpuPart.Service)
                services.Add(await new LoadedService(options, parsed.GetValue(Service), side, parsed.GetValue(Steps), parsed.GetValue(Scheduler)!).RunAsync(parsed.GetValue(Clients), parsed.GetValue(LoadSeconds), cancellationToken));
            var failing = new FailingDevice(options, parsed.GetValue(Service), side, parsed.GetValue(Steps));
            var memory = part is GpuPart.Memory ? await failing.SmallMemoryAsync(parsed.GetValue(Arena), cancellationToken) : null;
            var loss = part is GpuPart.Loss ? await failing.LostAsync(watcher!, cancellationToken) : null;
            var report = new GpuReport(RunRecord.Of(arguments, version, TimeProvider.System), GpuMonitor.DeviceName(execution.CudaDevice), calls, services, memory, loss);
            await File.WriteAllTextAsync(file.FullName, report.ToJson(), cancellationToken);
            return 0;
        }
        catch (Exception e) when (e is ModelFolderException or Onnx.Runtime.ExecutionUnavailableException or ArgumentException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }
}

internal enum GpuPart
{
    All,
    Calls,
    Service,
    Memory,
    Loss,
}
