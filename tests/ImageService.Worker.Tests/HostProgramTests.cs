using ImageService.Hosting;
using Microsoft.AspNetCore.Builder;

namespace ImageService.Worker.Tests;

public sealed class HostProgramTests
{
    [Fact]
    public async Task A_word_to_stop_before_the_start_is_an_end_as_asked()
    {
        var code = await HostProgram.RunAsync(() => WebApplication.CreateBuilder().Build(), cancellationToken: new CancellationToken(canceled: true));
        Assert.Equal(HostProgram.Ended, code);
    }
}
