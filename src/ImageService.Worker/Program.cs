using ImageService.Storage;
using ImageService.Worker;
using Serilog;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddSerilog((_, log) => log.ReadFrom.Configuration(builder.Configuration).WriteTo.Console());
builder.Services.AddStorage(builder.Configuration).AddImageWorker(builder.Configuration).AddHealthChecks();
var app = builder.Build();
app.MapHealthChecks("/healthz/live");
app.MapHealthChecks("/healthz/ready");
await app.RunAsync();
