using System.CommandLine;
using ImageService.Benchmarks;
using ImageService.Benchmarks.Device;
using ImageService.Benchmarks.Gpu;

var root = new RootCommand("Measures ImageService.") { BatchingCommand.Create(args), DeviceCommand.Create(), GpuCommand.Create(args), RunGraphCommand.Create() };
return await root.Parse(args).InvokeAsync();
