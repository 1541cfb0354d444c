using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ImageService.Core;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace ImageService.Api.Tests;

/// <summary>The executable as it is started, over its embedded store.</summary>
public sealed class WholeProgram : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("imageservice-api-");

    [Fact]
    public async Task A_job_goes_through_the_embedded_store_and_back()
    {
        await using var host = new WebApplicationFactory<ApiHost>().WithWebHostBuilder(b => b
            .UseSetting("Jobs:SqlitePath", Path.Combine(_folder.FullName, "jobs.db"))
            .UseSetting("Blobs:DiskPath", Path.Combine(_folder.FullName, "blobs")));
        using var client = host.CreateClient();
        var queue = host.Services.GetRequiredService<IJobQueue>();
        var blobs = host.Services.GetRequiredService<IBlobStore>();
        await queue.AnnounceAsync([TestModels.Starter], new WorkerPace("w", []), default);

        using var accepted = await client.PostAsJsonAsync("/v1/jobs", new { prompt = "a red apple", seed = 7, preview_every = 1 });
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        var location = accepted.Headers.Location!.ToString();
        var events = client.GetStringAsync(location + "/events");

        var leased = Assert.Single(await queue.LeaseAsync(new LeaseRequest(1, "test", TimeSpan.FromMinutes(1), ["starter"]), default));
        Assert.True(await queue.PublishProgressAsync(leased.Lease, 1, 20, default));
        Assert.True(await queue.PublishPreviewAsync(leased.Lease, new Preview(0, 1, 20, new byte[] { 1, 2 }, "image/png", 8, 8), default));
        var name = BlobNames.Image(leased.Lease, 0);
        await blobs.PutAsync(name, new byte[] { 9, 8, 7 }, "image/png", default);
        var image = new GeneratedImage(0, 7, name, "abcd", 3, 256, 256);
        Assert.True(await queue.CompleteAsync(leased.Lease, new JobResult([image], new JobTimings(0, 0, 0, 1, 0, 0, 40), []), default));

        var told = await events.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Contains("event: preview\n", told, StringComparison.Ordinal);
        Assert.Contains("event: succeeded\n", told, StringComparison.Ordinal);
        var job = await client.GetFromJsonAsync<JsonElement>(location);
        Assert.Equal("succeeded", job.GetProperty("status").GetString());
        Assert.Equal([9, 8, 7], await client.GetByteArrayAsync(job.GetProperty("images")[0].GetProperty("url").GetString()));
        Assert.Equal(HttpStatusCode.NoContent, (await client.GetAsync(location + "/events?last_event_id=1000")).StatusCode);
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
