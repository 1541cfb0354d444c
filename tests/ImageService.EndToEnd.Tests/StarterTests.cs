using System.Text.Json;
using System.Text.Json.Nodes;
using ImageService.Tests;
using Microsoft.Playwright;
using SkiaSharp;

namespace ImageService.EndToEnd.Tests;

/// <summary>The bundled model through the service, as on a fresh machine: no settings at all but where to keep data.</summary>
public sealed class StarterTests(StarterTests.StarterService starter, Browser browser) : IClassFixture<StarterTests.StarterService>, IClassFixture<Browser>
{
    // Words whose colour a camera would agree on; the whole list is measured by training/evaluate.py.
    [Theory]
    [InlineData("a red apple, 3d style, on a blue background", 40, 92, 222)]
    [InlineData("a car, flat style, on a yellow background", 255, 222, 66)]
    [InlineData("a tree, cartoon style, on a white background", 255, 255, 255)]
    public async Task A_picture_follows_the_background_of_its_prompt(string prompt, int red, int green, int blue)
    {
        var job = await starter.Client.SubmitAsync(new { prompt, seed = 1 }, wait: 120);
        using var picture = SKBitmap.Decode(await starter.Client.PictureAsync(job));
        Assert.Equal((256, 256), (picture.Width, picture.Height));
        var corner = Median([.. Corners(picture)]);
        Assert.True(Math.Abs(corner.Red - red) + Math.Abs(corner.Green - green) + Math.Abs(corner.Blue - blue) < 90, $"{prompt}: the corners are {corner}");
    }

    [Fact]
    public async Task Another_multiple_of_64_works_too()
    {
        var job = await starter.Client.SubmitAsync(new { prompt = "a cat", width = 320, height = 192, num_inference_steps = 2 }, wait: 120);
        using var picture = SKBitmap.Decode(await starter.Client.PictureAsync(job));
        Assert.Equal((320, 192), (picture.Width, picture.Height));
    }

    [Fact]
    public async Task The_page_draws_with_live_progress_and_preview()
    {
        var page = await browser.OpenAsync(starter.Client.BaseAddress!);
        var complaints = new List<string>();
        page.PageError += (_, error) => complaints.Add(error);
        await page.GetByLabel("Prompt").FillAsync("a red apple, 3d style, on a blue background");
        await page.GetByLabel("Seed", new() { Exact = true }).FillAsync("1");
        await page.GetByRole(AriaRole.Button, new() { Name = "Generate" }).ClickAsync();
        var card = page.Locator(".job").First;
        var patient = new LocatorAssertionsToContainTextOptions { Timeout = 60_000 };
        await Assertions.Expect(card).ToContainTextAsync("Step", patient);
        // A preview has one pixel for each latent, the picture eight.
        await Assertions.Expect(card.Locator(".tile img")).ToHaveJSPropertyAsync("naturalWidth", 32, new() { Timeout = 60_000 });
        await Browser.ShootAsync(page, "page-drawing");
        await Assertions.Expect(card.Locator(".tile img")).ToHaveJSPropertyAsync("naturalWidth", 256, new() { Timeout = 60_000 });
        await Browser.ShootAsync(page, "page");
        Assert.Empty(complaints);
    }

    [Fact]
    public async Task Its_defaults_are_those_of_its_folder()
    {
        var models = JsonNode.Parse(await starter.Client.GetStringAsync("/v1/models"))!;
        var model = Assert.Single(models["data"]!.AsArray());
        Assert.Equal("starter", model!["id"]!.GetValue<string>());
        var defaults = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "models", "starter", "model_index.json")))!["imageservice_defaults"]!;
        var job = await starter.Client.SubmitAsync(new { prompt = "a cat" });
        foreach (var (name, value) in defaults.AsObject())
            Assert.True(JsonNode.DeepEquals(Plain(value), Plain(job[name])), $"{name}: {job[name]}");
        (await starter.Client.DeleteAsync($"/v1/jobs/{job.Id()}")).Dispose();
    }

    // 4.0 and 4 are one number.
    private static JsonNode? Plain(JsonNode? value) => value?.GetValueKind() == JsonValueKind.Number ? JsonValue.Create(value.GetValue<double>()) : value;

    private static IEnumerable<SKColor> Corners(SKBitmap picture)
    {
        for (var y = 0; y < 16; y++)
        {
            for (var x = 0; x < 16; x++)
            {
                yield return picture.GetPixel(x, y);
                yield return picture.GetPixel(picture.Width - 1 - x, y);
                yield return picture.GetPixel(x, picture.Height - 1 - y);
                yield return picture.GetPixel(picture.Width - 1 - x, picture.Height - 1 - y);
            }
        }
    }

    private static SKColor Median(SKColor[] colors)
    {
        byte Middle(Func<SKColor, byte> channel) => colors.Select(channel).Order().ElementAt(colors.Length / 2);
        return new SKColor(Middle(c => c.Red), Middle(c => c.Green), Middle(c => c.Blue));
    }

    public sealed class StarterService : IAsyncLifetime
    {
        private readonly TemporaryFolder _folder = new();
        private ServiceProcess? _service;

        public HttpClient Client => _service!.Client;

        public async ValueTask InitializeAsync() => _service = await ServiceProcess.StartAsync(_folder.Path);

        public async ValueTask DisposeAsync()
        {
            if (_service is not null)
                await _service.DisposeAsync();
            _folder.Dispose();
        }
    }
}
