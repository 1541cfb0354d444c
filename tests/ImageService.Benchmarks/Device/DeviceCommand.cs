using System.CommandLine;
using ImageService.Onnx;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Spectre.Console;

namespace ImageService.Benchmarks.Device;

/// <summary><c>device</c>: what a model's parts take on this machine, alone and beside each other. The engine's choices stand on these figures.</summary>
internal static class DeviceCommand
{
    private static readonly Option<string> Model = new("--model") { Description = "A model of Models:Path.", DefaultValueFactory = _ => "starter" };
    private static readonly Option<string?> Models = new("--models") { Description = "Folder of model folders." };
    private static readonly Option<string> Provider = new("--provider") { Description = "auto, cpu or cuda.", DefaultValueFactory = _ => "auto" };
    private static readonly Option<int[]> Rows = new("--rows") { Description = "Row counts of U-Net calls.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [1, 2, 4, 8, 16] };
    private static readonly Option<int> Side = new("--side") { Description = "Pixels of a picture's side in the U-Net; 0 = the model's own." };
    private static readonly Option<int[]> Decodes = new("--decode") { Description = "Pixels of the side of decoded pictures.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [256, 512, 1024] };
    private static readonly Option<double> Seconds = new("--seconds") { Description = "Of each measurement.", DefaultValueFactory = _ => 3 };

    public static Command Create()
    {
        Seconds.Within(0.1, 600);
        Rows.EachWithin(1, 256);
        var command = new Command("device", "What U-Net, text encoder and VAE take on this machine, alone and at the same time.") { Model, Models, Provider, Rows, Side, Decodes, Seconds };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        var options = new OnnxOptions { Models = { Path = parsed.GetValue(Models) }, Execution = { Provider = parsed.GetValue(Provider)! } };
        var models = new OnnxModels(Options.Create(options), NullLogger<OnnxModels>.Instance);
        using var model = models.Load(parsed.GetValue(Model)!);
        var parts = new ModelParts(model, parsed.GetValue(Side), parsed.GetValue(Seconds));
        var steps = new Table().AddColumns("rows", "ms a call", "ms a row");
        foreach (var rows in parsed.GetValue(Rows)!)
        {
            var call = parts.Step(rows);
            steps.AddRow($"{rows}", $"{1000 * call:f2}", $"{1000 * call / rows:f2}");
        }
        AnsiConsole.Write(steps);
        AnsiConsole.MarkupLineInterpolated($"text encoders, one prompt: {1000 * parts.Encode():f2} ms");
        var beside = new Table().AddColumns("decoded side", "decode alone, ms", "call of 4 rows alone, ms", "calls during decodes: mean, longest, ms", "decode during calls, ms", "time for both, of one after the other");
        foreach (var side in parsed.GetValue(Decodes)!)
        {
            var both = parts.Beside(rows: 4, side);
            beside.AddRow($"{side}", $"{1000 * both.DecodeAlone:f1}", $"{1000 * both.StepAlone:f1}", $"{1000 * both.StepMean:f1}, {1000 * both.StepLongest:f1}", $"{1000 * both.Decode:f1}", $"{both.OfSequential:f2}");
        }
        AnsiConsole.Write(beside);
        return 0;
    }
}
