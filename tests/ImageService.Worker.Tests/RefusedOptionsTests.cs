using ImageService.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ImageService.Worker.Tests;

/// <summary>What the one sentence says that a host with wrong settings ends with.</summary>
public sealed class RefusedOptionsTests
{
    [Theory]
    [InlineData("Engine:MeasureSeconds", "-1", "Engine:MeasureSeconds must be between 0 and 300.")]
    [InlineData("Engine:RowSizes:0", "400", "Engine:RowSizes must be rising numbers of 1 to 256.")]
    [InlineData("Worker:ProgressSeconds", "61", "Worker:ProgressSeconds must be between 0 and 60.")]
    [InlineData("Execution:CudaConvolutionSearch", "abc", "Execution:CudaConvolutionSearch must be heuristic, exhaustive or default.")]
    [InlineData("Execution:CudaArenaMiB", "-1", "Execution:CudaArenaMiB must be between 0 and 16777216.")]
    [InlineData("Engine:MeasureSeconds", "abc", "Failed to convert configuration value 'abc' at 'Engine:MeasureSeconds' to type 'System.Double'.")]
    public async Task It_names_the_setting_as_the_configuration_does_and_once(string setting, string value, string sentence)
    {
        string? heard = null;
        var code = await HostProgram.RunAsync(() =>
        {
            try
            {
                var builder = WebApplication.CreateBuilder();
                builder.Configuration.AddInMemoryCollection([new(setting, value)]);
                builder.Services.AddImageWorker(builder.Configuration);
                using var app = builder.Build();
                foreach (var validator in app.Services.GetServices<IStartupValidator>())
                    validator.Validate();
                throw new InvalidOperationException("It was taken.");
            }
            catch (Exception e)
            {
                heard = HostProgram.Sentence(e);
                throw;
            }
        });
        Assert.Equal((HostProgram.Refused, sentence), (code, heard));
    }
}
