using ImageService.Api;

var builder = WebApplication.CreateBuilder(args);
builder.AddApiLogging();
builder.UseApiDefaults();
builder.Services.AddImageApi(builder.Configuration);
var app = builder.Build();
app.UseImageApi();
await app.RunAsync();
