using Microsoft.Extensions.Options;
using Serilog;
using Serilog.Events;

namespace ImageService.Hosting;

public static class HostLogging
{
    /// <summary>Serilog to the console. The framework speaks from Warning on: its own lines cost half of the throughput.</summary>
    public static WebApplicationBuilder AddConsoleLogging(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSerilog((_, logger) => logger
            .MinimumLevel.Information()
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
            .MinimumLevel.Override("Microsoft.Hosting.Lifetime", LogEventLevel.Information)
            // A probe that finds the store away would say so every few seconds; the probe's answer says it already.
            .MinimumLevel.Override("Microsoft.Extensions.Diagnostics.HealthChecks", LogEventLevel.Fatal)
            .MinimumLevel.Override("System", LogEventLevel.Warning)
            .MinimumLevel.Override("Grpc", LogEventLevel.Warning)
            .ReadFrom.Configuration(builder.Configuration)
            // The host logs why it did not start, with the stack, and throws it on: HostProgram says it in one sentence, and of a defect the runtime shows the stack.
            .Filter.ByExcluding(line => line.Exception is OptionsValidationException || line.MessageTemplate.Text == "Hosting failed to start")
            .Enrich.FromLogContext()
            .WriteTo.Console(outputTemplate: "{Timestamp:HH:mm:ss} {Level:u3} {Message:lj}{NewLine}{Exception}"));
        return builder;
    }
}
