namespace ImageService.EndToEnd.Tests;

/// <summary>The promise: an accepted job is never lost.</summary>
public sealed class SurvivalTests
{
    private static readonly string[] Settings = ["Models:Default=tiny-sd15", "Worker:LeaseSeconds=5"];

    [Fact]
    public async Task After_kill_9_in_mid_picture_the_job_finishes_and_earlier_pictures_are_still_served()
    {
        using var folder = new TemporaryFolder();
        var models = TinyService.CopyModels(folder.Path);
        string earlier, running, waiting;
        byte[] picture;
        await using (var service = await ServiceProcess.StartAsync(folder.Path, models, Settings))
        {
            var job = await service.Client.SubmitAsync(new { prompt = "a cat", seed = 1, num_inference_steps = 3 }, wait: 60);
            earlier = job.Id();
            picture = await service.Client.PictureAsync(job);
            running = (await service.Client.SubmitAsync(new { prompt = "a dog", seed = 2, num_inference_steps = 400 })).Id();
            await service.Client.WatchAsync(running, (name, data) => name == "progress" && data["step"]!.GetValue<int>() > 0);
            waiting = (await service.Client.SubmitAsync(new { prompt = "a bird", seed = 3, num_inference_steps = 3 })).Id();
            await service.KillAsync();
        }
        await using (var service = await ServiceProcess.StartAsync(folder.Path, models, Settings))
        {
            Assert.Equal(picture, await service.Client.PictureAsync(await service.Client.GetJobAsync(earlier)));
            foreach (var id in new[] { running, waiting })
            {
                var events = await service.Client.WatchAsync(id);
                Assert.Equal("succeeded", events[^1].Event);
                Assert.NotEmpty(await service.Client.PictureAsync(await service.Client.GetJobAsync(id)));
            }
            Assert.Equal(2, (await service.Client.GetJobAsync(running))["attempts"]!.GetValue<int>());
        }
    }

    [Fact]
    public async Task A_stopped_service_hands_its_job_back_and_the_next_one_goes_on_with_it()
    {
        using var folder = new TemporaryFolder();
        var models = TinyService.CopyModels(folder.Path);
        object body = new { prompt = "a dog", seed = 2, num_inference_steps = 1000, scheduler = "euler_a" };
        string id;
        byte[] alone;
        await using (var service = await ServiceProcess.StartAsync(folder.Path, models, [.. Settings, "Worker:GraceSeconds=1"]))
        {
            alone = await service.Client.PictureAsync(await service.Client.SubmitAsync(body, wait: 120));
            id = (await service.Client.SubmitAsync(body)).Id();
            await service.Client.WatchAsync(id, (name, data) => name == "progress" && data["step"]!.GetValue<int>() > 20);
            Assert.Equal(0, await service.SignalAsync("TERM", TimeSpan.FromSeconds(30)));
        }
        await using (var service = await ServiceProcess.StartAsync(folder.Path, models, [.. Settings, "Worker:GraceSeconds=1"]))
        {
            Assert.Equal("succeeded", (await service.Client.WatchAsync(id))[^1].Event);
            var job = await service.Client.GetJobAsync(id);
            Assert.Equal(1, job["attempts"]!.GetValue<int>());
            Assert.Equal(alone, await service.Client.PictureAsync(job));
        }
    }
}
