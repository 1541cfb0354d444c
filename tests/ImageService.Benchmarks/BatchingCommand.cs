using System.CommandLine;
using ImageService.Benchmarks.Reports;
using ImageService.Benchmarks.Service;
using ImageService.Benchmarks.Simulation;
using ImageService.Onnx;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Spectre.Console;

namespace ImageService.Benchmarks;

/// <summary><c>batching --out FILE.json</c>: ways of batching compared, in simulation and on the real service.</summary>
internal static class BatchingCommand
{
    private const int Met = 0;
    private const int Missed = 1;
    private static readonly Option<FileInfo> Output = new("--out") { Description = "Where to write the figures as JSON; the charts go beside it as FILE-NAME.svg.", Required = true };
    private static readonly Option<Part> PartOption = new("--part") { Description = "What to run.", DefaultValueFactory = _ => Part.All };
    private static readonly Option<int> Seconds = new("--seconds") { Description = "Of each measurement on the real service, 5 to 3600.", DefaultValueFactory = _ => 60 };
    private static readonly Option<int> Seed = new("--seed") { Description = "Of the arrivals.", DefaultValueFactory = _ => 1 };
    private static readonly Option<bool> Quick = new("--quick") { Description = "A tenth of the simulated jobs and of the seconds: to see that it runs, not to quote." };

    public static Command Create(string[] arguments)
    {
        Seconds.Within(5, 3600);
        var command = new Command("batching", "Step-level against static and serial batching: a simulated H100, and the real service with the bundled model.") { Output, PartOption, Seconds, Seed, Quick };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, arguments, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, string[] arguments, CancellationToken cancellationToken)
    {
        var (part, seed, quick) = (parsed.GetValue(PartOption), parsed.GetValue(Seed), parsed.GetValue(Quick));
        var (jobs, seconds) = quick ? (2_000, Math.Max(5, parsed.GetValue(Seconds) / 10)) : (20_000, parsed.GetValue(Seconds));
        var models = new OnnxModels(Options.Create(new OnnxOptions { Execution = { Provider = "cpu" } }), NullLogger<OnnxModels>.Instance);
        var run = RunRecord.Of(arguments, models.RuntimeVersion, TimeProvider.System);
        var simulation = part == Part.Service ? null : new SimulationSuite(jobs, seed, Note, cancellationToken).Run();
        var service = part == Part.Simulation ? null : await new ServiceSuite(models, seconds, seed, Note).RunAsync(cancellationToken);
        List<Goal> goals = [.. simulation is null ? [] : Goal.Of(simulation), .. service is null ? [] : Goal.Of(service)];
        await SaveAsync(parsed.GetValue(Output)!, new BatchingReport(run, goals, simulation, service), cancellationToken);
        Tables.Print(simulation, service, goals);
        return goals.TrueForAll(g => g.Holds) ? Met : Missed;
    }

    private static void Note(string what) => AnsiConsole.MarkupLineInterpolated($"[grey]{what}[/]");

    private static async Task SaveAsync(FileInfo file, BatchingReport report, CancellationToken cancellationToken)
    {
        file.Directory!.Create();
        await File.WriteAllTextAsync(file.FullName, report.ToJson(), cancellationToken);
        if (report.Simulation is null)
            return;
        var name = Path.Combine(file.DirectoryName!, Path.GetFileNameWithoutExtension(file.Name));
        foreach (var (chart, svg) in Charts.Of(report.Simulation))
            await File.WriteAllTextAsync($"{name}-{chart}.svg", svg, cancellationToken);
    }
}

internal enum Part
{
    All,
    Simulation,
    Service,
}
