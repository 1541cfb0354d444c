using ImageService.Api;
using ImageService.Hosting;
using ImageService.Storage;

return await HostProgram.RunAsync(() =>
{
    var builder = HostProgram.CreateBuilder(args);
    builder.AddConsoleLogging().AddTelemetry("imageservice-api").UseApiDefaults();
    builder.Services.AddStorage(builder.Configuration).AddImageApi(builder.Configuration);
    var app = builder.Build();
    app.UseImageApi();
    app.MapMetrics();
    return app;
});
