using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ImageService.EndToEnd.Tests;
using SkiaSharp;

namespace ImageService.Chaos.Tests;

/// <summary>A dozen requests that differ in all that a batch may mix, and the picture of each, drawn before anything goes wrong and without neighbours.</summary>
internal sealed class LoneRuns
{
    public const int Count = 12;

    private static readonly string[] Schedulers = ["euler", "euler_a", "ddim", "dpmpp_2m_karras", "pndm", "heun"];
    private readonly byte[][] _pictures = new byte[Count][];

    public static object Request(int number) => new
    {
        prompt = $"a picture of thing number {number % Count}",
        seed = 100 + (number % Count),
        scheduler = Schedulers[number % Schedulers.Length],
        num_inference_steps = 8 + (7 * (number % 4)),
        guidance_scale = number % 3 == 0 ? 1 : 7.5,
        width = number % 4 == 0 ? 128 : 64,
        height = 64,
        determinism = IsExact(number) ? "exact" : "fast",
    };

    public static async Task<LoneRuns> DrawAsync(RetryingClient client, CancellationToken stop)
    {
        var runs = new LoneRuns();
        for (var i = 0; i < Count; i++)
            runs._pictures[i] = await PictureAsync(client, await client.EndAsync(await client.SubmitAsync(Request(i), $"lone-{i}", stop), stop), stop);
        return runs;
    }

    /// <summary>Fails unless the job's picture can be read, has the digest that the job names, and is that of the lone run.</summary>
    public async Task CheckAsync(RetryingClient client, int number, JsonNode job, CancellationToken stop)
    {
        var (lone, drawn) = (_pictures[number % Count], await PictureAsync(client, job, stop));
        // Exact means the file; otherwise another batch size may round a colour the other way, and the file says how many rows it shared a call with.
        var same = IsExact(number) ? lone.AsSpan().SequenceEqual(drawn) : Pixels(lone).Zip(Pixels(drawn), (a, b) => Math.Abs(a - b)).Max() <= 1;
        Assert.True(same, $"{job.Id()} has another picture than its lone run.");
    }

    private static bool IsExact(int number) => number % Count < Count / 2;

    private static async Task<byte[]> PictureAsync(RetryingClient client, JsonNode job, CancellationToken stop)
    {
        Assert.True(job.Status() == "succeeded", job.ToJsonString());
        var picture = await client.PictureAsync(job, stop);
        Assert.Equal(job["images"]![0]!["sha256"]!.GetValue<string>(), Convert.ToHexStringLower(SHA256.HashData(picture)));
        return picture;
    }

    private static byte[] Pixels(byte[] png)
    {
        using var bitmap = SKBitmap.Decode(png);
        return [.. bitmap.Pixels.SelectMany(p => new[] { p.Red, p.Green, p.Blue })];
    }
}
