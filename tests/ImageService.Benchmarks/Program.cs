using System.CommandLine;
using ImageService.Benchmarks;

var root = new RootCommand("Measures ImageService.") { BatchingCommand.Create(args) };
return await root.Parse(args).InvokeAsync();
