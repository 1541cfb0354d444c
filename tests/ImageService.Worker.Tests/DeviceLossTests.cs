using ImageService.Diffusion;
using ImageService.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace ImageService.Worker.Tests;

public sealed class DeviceLossTests
{
    [Fact]
    public async Task A_lost_device_hands_every_job_back_with_its_state_and_ends_the_process_with_a_code_of_its_own()
    {
        byte[][] states;
        var requests = new[] { WorkerScene.Request(seed: 1, steps: 12), WorkerScene.Request(seed: 2, steps: 300) };
        await using (var scene = new WorkerScene())
        {
            var calls = 0;
            scene.Model.OnPredict = batch => _ = ++calls > 6 ? throw new DeviceLostException("CUDA failure 700: an illegal memory access was encountered") : batch;
            foreach (var request in requests)
                scene.Put(request);
            await scene.StartAsync();
            await scene.Pump.ExecuteTask!;

            Assert.True(scene.Lifetime.ApplicationStopping.IsCancellationRequested);
            Assert.Equal(HostProgram.DeviceLost, scene.Exit.Code);
            Assert.Empty(scene.Queue.Results);
            Assert.Equal(2, scene.Queue.Released.Count);
            states = [.. scene.Queue.Released.OrderBy(r => r.Lease.Token).Select(r => r.State)];
            Assert.All(states, Assert.NotEmpty);
        }
        await using var other = new WorkerScene();
        var steps = 0;
        other.Model.OnPredict = _ => steps++;
        foreach (var (request, state) in requests.Zip(states))
            other.Put(request, state);
        await other.StartAsync();
        await other.Journal.Has("complete", times: 2);
        Assert.InRange(steps, 294, 300);
    }

    [Fact]
    public async Task A_worker_that_ends_as_asked_answers_zero()
    {
        await using var scene = new WorkerScene();
        await scene.StartAsync();
        await scene.Pump.StopAsync(CancellationToken.None);
        Assert.Equal(HostProgram.Ended, scene.Exit.Code);
    }

    [Theory]
    [InlineData(HostProgram.Ended)]
    [InlineData(HostProgram.DeviceLost)]
    public async Task The_process_answers_with_the_code_that_its_host_was_given(int code)
    {
        var answered = await HostProgram.RunAsync(() =>
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
            builder.Services.AddSingleton<HostExit>();
            var app = builder.Build();
            app.Lifetime.ApplicationStarted.Register(() =>
            {
                app.Services.GetRequiredService<HostExit>().Code = code;
                app.Lifetime.StopApplication();
            });
            return app;
        });
        Assert.Equal(code, answered);
    }
}
