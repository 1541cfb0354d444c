using System.Globalization;
using ImageService.Benchmarks;
using ImageService.Onnx.Tests.Golden;
using Microsoft.ML.OnnxRuntime;

namespace ImageService.Onnx.Tests.Export;

/// <summary><c>training/export</c>: its own tests, and its graphs on ONNX Runtime against the PyTorch modules that they were made of.</summary>
public sealed class ExportTests(ITestOutputHelper output)
{
    private const double Most = 1e-4;

    [Fact]
    public async Task Its_Python_tests_pass() =>
        output.WriteLine(await Python.RunAsync("-m", "unittest", "discover", "-s", "tests/export", "-t", "tests/export"));

    [Fact]
    public async Task The_Python_tests_of_the_training_scripts_pass() =>
        output.WriteLine(await Python.RunAsync("-m", "unittest", "discover", "-s", "tests/training", "-t", "tests/training"));

    [Fact]
    public async Task Graphs_give_on_the_CPU_what_PyTorch_gives()
    {
        var folder = Directory.CreateTempSubdirectory("imageservice-export-").FullName;
        try
        {
            await Python.RunAsync("tests/export/on_cpu.py", folder);
            var cases = Directory.GetDirectories(folder);
            Assert.Equal(22, cases.Length);
            foreach (var path in cases.Order())
            {
                foreach (var (name, error) in Errors(path))
                {
                    output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(path)} {name}: {error:e1}"));
                    Assert.True(error <= Most, $"{Path.GetFileName(path)}: {name} differs by {error}.");
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The length of the difference over the length of what is wanted, for each output.
    private static IEnumerable<(string Name, double Error)> Errors(string path)
    {
        using var session = GoldenModel.Cpu.Open(Path.Combine(path, "model.onnx"));
        using var run = new RunOptions();
        var inputs = session.InputNames.ToDictionary(name => name, name => Read(NumpyFile.Read(Path.Combine(path, "inputs", name + ".npy"))));
        using var results = session.Run(run, inputs, session.OutputNames);
        foreach (var (name, given) in session.OutputNames.Zip(results))
        {
            var wanted = NumpyFile.Read(Path.Combine(path, "expected", name + ".npy"));
            Assert.Equal(wanted.Shape, given.GetTensorTypeAndShape().Shape);
            var values = wanted.Values<float>();
            var difference = given.GetTensorDataAsSpan<float>().ToArray().Zip(values, (a, b) => ((double)a - b) * ((double)a - b)).Sum();
            yield return (name, Math.Sqrt(difference / values.Sum(v => (double)v * v)));
        }
        foreach (var value in inputs.Values)
            value.Dispose();
    }

    private static OrtValue Read(NumpyFile file) => file.Type == "<i8"
        ? OrtValue.CreateTensorValueFromMemory(file.Values<long>(), file.Shape)
        : OrtValue.CreateTensorValueFromMemory(file.Values<float>(), file.Shape);
}
