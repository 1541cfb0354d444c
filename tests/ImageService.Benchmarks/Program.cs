using System.CommandLine;
using ImageService.Benchmarks;

var root = new RootCommand("Measures ImageService.") { BatchingCommand.Create(args), RunGraphCommand.Create() };
return await root.Parse(args).InvokeAsync();
