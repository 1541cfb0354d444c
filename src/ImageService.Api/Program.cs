using ImageService.Api;
using ImageService.Storage;

var builder = WebApplication.CreateBuilder(args);
builder.AddApiLogging();
builder.UseApiDefaults();
builder.Services.AddStorage(builder.Configuration).AddImageApi(builder.Configuration);
var app = builder.Build();
app.UseImageApi();
await app.RunAsync();
