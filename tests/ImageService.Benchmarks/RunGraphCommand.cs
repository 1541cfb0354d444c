using System.CommandLine;
using ImageService.Onnx;
using ImageService.Onnx.Runtime;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Benchmarks;

/// <summary><c>run-graph</c>: one call of an ONNX graph, inputs and outputs as NumPy files. What the export is checked with.</summary>
internal static class RunGraphCommand
{
    private static readonly Option<FileInfo> Model = new("--model") { Description = "The graph.", Required = true };
    private static readonly Option<DirectoryInfo> Inputs = new("--inputs") { Description = "A folder with INPUT.npy for each input.", Required = true };
    private static readonly Option<DirectoryInfo> Outputs = new("--outputs") { Description = "A folder for OUTPUT.npy of each output.", Required = true };
    private static readonly Option<string> Provider = new("--provider") { Description = "cpu or cuda.", DefaultValueFactory = _ => "cpu" };
    private static readonly Option<string?> CudaLibrary = AsOfTheService("--cuda-library", "CudaLibrary");
    private static readonly Option<string?> KernelLibrary = AsOfTheService("--kernel-library", "KernelLibrary");

    public static Command Create()
    {
        Model.AcceptExistingOnly();
        Inputs.AcceptExistingOnly();
        Provider.AcceptOnlyFromAmong("cpu", "cuda");
        var command = new Command("run-graph", "Runs an ONNX graph once on given inputs.") { Model, Inputs, Outputs, Provider, CudaLibrary, KernelLibrary };
        command.SetAction(Run);
        return command;
    }

    private static Option<string?> AsOfTheService(string name, string setting) => new(name)
    {
        Description = $"As Execution:{setting} of the service, and by the same variable.",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable($"Execution__{setting}"),
    };

    private static int Run(ParseResult parsed)
    {
        try
        {
            var execution = new ExecutionOptions { Provider = parsed.GetValue(Provider)!, CudaLibrary = parsed.GetValue(CudaLibrary), KernelLibrary = parsed.GetValue(KernelLibrary) };
            using var session = OrtRuntime.Start(execution, NullLogger.Instance).Open(parsed.GetValue(Model)!.FullName);
            Call(session, parsed.GetValue(Inputs)!.FullName, parsed.GetValue(Outputs)!.FullName);
            return 0;
        }
        catch (Exception e) when (e is ModelFolderException or ExecutionUnavailableException or OnnxRuntimeException or IOException or InvalidDataException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static void Call(InferenceSession session, string inputs, string outputs)
    {
        var given = session.InputMetadata.Keys.ToDictionary(name => name, name => Read(Path.Combine(inputs, name + ".npy")));
        using var options = new RunOptions();
        using var results = session.Run(options, given, session.OutputNames);
        Directory.CreateDirectory(outputs);
        foreach (var (name, value) in session.OutputNames.Zip(results))
            Write(Path.Combine(outputs, name + ".npy"), value);
        foreach (var value in given.Values)
            value.Dispose();
    }

    private static OrtValue Read(string path)
    {
        var file = NumpyFile.Read(path);
        return file.Type switch
        {
            "<f4" => OrtValue.CreateTensorValueFromMemory(file.Values<float>(), file.Shape),
            "<f2" => OrtValue.CreateTensorValueFromMemory(file.Values<Float16>(), file.Shape),
            "<i8" => OrtValue.CreateTensorValueFromMemory(file.Values<long>(), file.Shape),
            "<i4" => OrtValue.CreateTensorValueFromMemory(file.Values<int>(), file.Shape),
            _ => throw new InvalidDataException($"{path} has elements of type {file.Type}; <f4, <f2, <i8 and <i4 can be read."),
        };
    }

    private static void Write(string path, OrtValue value)
    {
        var about = value.GetTensorTypeAndShape();
        var file = about.ElementDataType switch
        {
            TensorElementType.Float => NumpyFile.Of("<f4", about.Shape, value.GetTensorDataAsSpan<float>()),
            TensorElementType.Float16 => NumpyFile.Of("<f2", about.Shape, value.GetTensorDataAsSpan<Float16>()),
            TensorElementType.Int64 => NumpyFile.Of("<i8", about.Shape, value.GetTensorDataAsSpan<long>()),
            _ => throw new InvalidDataException($"{path}: outputs of type {about.ElementDataType} cannot be written."),
        };
        file.Write(path);
    }
}
