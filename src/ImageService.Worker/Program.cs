using ImageService.Hosting;
using ImageService.Onnx;
using ImageService.Onnx.Runtime;
using ImageService.Storage;
using ImageService.Worker;

return await HostProgram.RunAsync(() =>
{
    var builder = HostProgram.CreateBuilder(args);
    builder.AddConsoleLogging().AddTelemetry("imageservice-worker").UseDefaultAddresses(DefaultAddresses.Worker);
    builder.Services.AddStorage(builder.Configuration).AddImageWorker(builder.Configuration);
    var app = builder.Build();
    app.MapHealthProbes();
    app.MapMetrics();
    return app;
}, isRefusal: e => e is ModelFolderException or ExecutionUnavailableException);
