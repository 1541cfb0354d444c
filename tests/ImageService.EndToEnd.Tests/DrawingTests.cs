using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ImageService.Tests;
using SkiaSharp;

namespace ImageService.EndToEnd.Tests;

/// <summary>From the request to the PNG, through the process that users start.</summary>
public sealed class DrawingTests(TinyService service) : IClassFixture<TinyService>
{
    private const string Prompt = "a photo of an astronaut riding a horse on mars";
    private readonly HttpClient _client = service.Client;

    [Theory]
    [InlineData("tiny-sd15")]
    [InlineData("tiny-sd21-v")]
    public async Task A_request_gives_the_picture_that_diffusers_draws(string model)
    {
        var expected = GoldenFolder.Find(Path.Combine(model, "expected"));
        using var cases = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(expected, "cases.json")));
        // All at once, so that they share batches: a crowd of schedulers, step counts and guidances.
        var drawn = await Task.WhenAll(cases.RootElement.EnumerateArray().Where(c => !c.TryGetProperty("mode", out _)).Select(async golden =>
        {
            var body = golden.EnumerateObject()
                .Where(p => p.Name is not ("case" or "latents_shape" or "images"))
                .ToDictionary(p => p.Name, p => (object)p.Value);
            body["model"] = model;
            var job = await _client.SubmitAsync(body, wait: 120);
            Assert.Equal("succeeded", job.Status());
            return (Name: golden.GetProperty("case").GetString(), Picture: await _client.PictureAsync(job));
        }));
        Assert.NotEmpty(drawn);
        foreach (var (name, picture) in drawn)
        {
            var difference = Pixels(picture).Zip(Pixels(await File.ReadAllBytesAsync(Path.Combine(expected, $"{name}.0.png"))), (a, b) => Math.Abs(a - b)).Max();
            Assert.True(difference <= 2, $"{model} {name}: {difference}/255");
        }
    }

    [Fact]
    public async Task The_picture_tells_how_it_was_made_and_its_digest_is_the_one_in_the_job()
    {
        var job = await _client.SubmitAsync(new { prompt = Prompt, seed = 7, num_inference_steps = 3, scheduler = "euler_a" }, wait: 60);
        var picture = await _client.PictureAsync(job);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(picture)), job["images"]![0]!["sha256"]!.GetValue<string>());
        var text = Encoding.Latin1.GetString(picture);
        Assert.Contains($"parameters\0{Prompt}\nSteps: 3, Sampler: Euler a", text);
        Assert.Contains("Seed: 7", text);
        Assert.Contains("trainedAlgorithmicMedia", text);
    }

    [Fact]
    public async Task Several_pictures_of_one_job_are_those_that_their_seeds_draw_alone()
    {
        var many = await _client.SubmitAsync(new { prompt = Prompt, seed = 40, num_inference_steps = 4, num_images = 3 }, wait: 60);
        var alone = await _client.SubmitAsync(new { prompt = Prompt, seed = 42, num_inference_steps = 4 }, wait: 60);
        Assert.Equal(3, many["images"]!.AsArray().Count);
        Assert.Equal(Pixels(await _client.PictureAsync(alone)), Pixels(await _client.PictureAsync(many, 2)));
    }

    [Fact]
    public async Task Progress_and_previews_stream_until_the_final_event()
    {
        var job = await _client.SubmitAsync(new { prompt = Prompt, num_inference_steps = 12, preview_every = 4 });
        var events = await _client.WatchAsync(job.Id());
        Assert.Equal("succeeded", events[^1].Event);
        Assert.Contains(events, e => e.Event == "progress");
        var preview = events.First(e => e.Event == "preview").Data;
        using var picture = SKBitmap.Decode(Convert.FromBase64String(preview["image"]!.GetValue<string>()));
        Assert.Equal((preview["width"]!.GetValue<int>(), preview["height"]!.GetValue<int>()), (picture.Width, picture.Height));
    }

    [Fact]
    public async Task A_cancelled_job_stops_and_stays_cancelled()
    {
        var job = await _client.SubmitAsync(new { prompt = Prompt, num_inference_steps = 1000 });
        await _client.WatchAsync(job.Id(), (name, data) => name == "progress" && data["step"]!.GetValue<int>() > 0);
        using var answer = await _client.DeleteAsync($"/v1/jobs/{job.Id()}");
        answer.EnsureSuccessStatusCode();
        var events = await _client.WatchAsync(job.Id());
        Assert.Equal("canceled", events[^1].Event);
        // The rows are free again: the next job draws.
        Assert.Equal("succeeded", (await _client.SubmitAsync(new { prompt = Prompt, num_inference_steps = 2 }, wait: 60)).Status());
        Assert.Equal("canceled", (await _client.GetJobAsync(job.Id())).Status());
    }

    private static byte[] Pixels(byte[] png)
    {
        using var bitmap = SKBitmap.Decode(png);
        return bitmap.Pixels.SelectMany(p => new[] { p.Red, p.Green, p.Blue }).ToArray();
    }
}
