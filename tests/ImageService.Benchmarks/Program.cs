using System.CommandLine;
using ImageService.Benchmarks;
using ImageService.Benchmarks.Device;

var root = new RootCommand("Measures ImageService.") { BatchingCommand.Create(args), DeviceCommand.Create(), RunGraphCommand.Create() };
return await root.Parse(args).InvokeAsync();
