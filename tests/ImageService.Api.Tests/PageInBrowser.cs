using ImageService.Core;
using ImageService.Tests;
using Microsoft.Playwright;
using SkiaSharp;

namespace ImageService.Api.Tests;

/// <summary>The web page, used as a person uses it.</summary>
public sealed class PageInBrowser(Browser browser) : IClassFixture<Browser>
{
    private static readonly SKColor Blue = new(0x3B, 0x7D, 0xD8);
    private static readonly SKColor Red = new(0xD8, 0x2F, 0x2F);

    [Fact]
    public async Task A_prompt_becomes_a_picture_with_live_progress_and_previews()
    {
        await using var api = await TestApi.StartOnKestrelAsync();
        var page = await browser.OpenAsync(api.Client.BaseAddress!);
        var complaints = Complaints(page);
        await Assertions.Expect(page.GetByText("Nothing drawn yet")).ToBeVisibleAsync();
        await Browser.ShootAsync(page, "empty");

        await page.GetByLabel("Prompt").FillAsync("a red apple, 3d style, on a blue background");
        await page.GetByLabel("Seed", new() { Exact = true }).FillAsync("9223372036854775807");
        await page.GetByRole(AriaRole.Button, new() { Name = "Generate" }).ClickAsync();
        var submission = await api.Store.NextSubmission.Task.WaitAsync(TimeSpan.FromSeconds(10));

        Assert.Equal(("a red apple, 3d style, on a blue background", long.MaxValue, 2), (submission.Request.Prompt, submission.Request.Seed, submission.Request.PreviewEvery));
        Assert.Equal((256, 256, 20, "euler", "starter"), (submission.Request.Width, submission.Request.Height, submission.Request.NumInferenceSteps,
            submission.Request.Scheduler, submission.Request.Model));
        var card = page.Locator(".job").First;
        await Assertions.Expect(card).ToContainTextAsync("Waiting, next in line");
        api.Store.Progress(submission.Id, 8, 20);
        api.Store.Preview(submission.Id, 0, 8, 20, Pictures.Fruit(32, Blue, Red, 0.6f), 32, 32);
        await Assertions.Expect(card).ToContainTextAsync("Step 8 of 20");
        Assert.Equal(0.4, await card.Locator("progress").EvaluateAsync<double>("p => p.value"), 3);
        await Assertions.Expect(card.Locator(".tile img")).ToHaveJSPropertyAsync("naturalWidth", 32);
        await Assertions.Expect(card).ToContainTextAsync("seed 9223372036854775807");
        await Browser.ShootAsync(page, "running");

        api.Succeed(submission.Id, Pictures.Fruit(256, Blue, Red));
        await Assertions.Expect(card.Locator(".tile img")).ToHaveJSPropertyAsync("naturalWidth", 256);
        await Assertions.Expect(card.GetByRole(AriaRole.Button, new() { Name = "Cancel" })).ToBeHiddenAsync();
        await card.GetByRole(AriaRole.Button, new() { Name = "Open picture 1" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Dialog)).ToBeVisibleAsync();
        var download = page.WaitForDownloadAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Download" }).ClickAsync();
        Assert.Equal($"{submission.Id}-0.png", (await download).SuggestedFilename);
        await Browser.ShootAsync(page, "viewer");
        await page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(page.GetByRole(AriaRole.Dialog)).ToBeHiddenAsync();

        await page.ReloadAsync();
        await Assertions.Expect(page.Locator(".job .tile img")).ToHaveJSPropertyAsync("naturalWidth", 256);
        Assert.Empty(complaints);
    }

    [Fact]
    public async Task A_card_tells_how_long_its_job_will_wait_and_take()
    {
        await using var api = await TestApi.StartOnKestrelAsync();
        api.Store.Paces.Add(EstimatedTimes.Pace);
        api.Store.Load = EstimatedTimes.Busy;
        var page = await browser.OpenAsync(api.Client.BaseAddress!);
        await page.Clock.SetFixedTimeAsync(api.Clock.GetUtcNow().UtcDateTime);
        await page.GetByLabel("Prompt").FillAsync("a red apple");
        await page.GetByRole(AriaRole.Button, new() { Name = "Generate" }).ClickAsync();
        var submission = await api.Store.NextSubmission.Task.WaitAsync(TimeSpan.FromSeconds(10));
        var card = page.Locator(".job").First;
        await Assertions.Expect(card).ToContainTextAsync("Waiting, next in line, about 21 s to wait");
        api.Store.Progress(submission.Id, 5, 20);
        await Assertions.Expect(card).ToContainTextAsync("Step 5 of 20, about 7 s left");
        // A browser whose clock is ahead says nothing rather than something wrong.
        await page.Clock.SetFixedTimeAsync(api.Clock.GetUtcNow().AddMinutes(5).UtcDateTime);
        api.Store.Progress(submission.Id, 6, 20);
        await Assertions.Expect(card.Locator(".state")).ToHaveTextAsync("Step 6 of 20");
    }

    [Fact]
    public async Task What_is_wrong_is_shown_at_its_field()
    {
        await using var api = await TestApi.StartOnKestrelAsync();
        var page = await browser.OpenAsync(api.Client.BaseAddress!);
        await page.GetByLabel("Prompt").FillAsync("a");
        await page.GetByLabel("Width", new() { Exact = true }).FillAsync("513");
        await page.GetByLabel("Seed", new() { Exact = true }).FillAsync("-5");
        await page.Keyboard.PressAsync("Control+Enter");

        await Assertions.Expect(page.Locator("#width-problem")).ToContainTextAsync("a multiple of 64 from 64 to 2048");
        await Assertions.Expect(page.Locator("#seed-problem")).ToContainTextAsync("from 0 to");
        await Assertions.Expect(page.GetByLabel("Width", new() { Exact = true })).ToBeFocusedAsync();
        await Assertions.Expect(page.GetByLabel("Width", new() { Exact = true })).ToHaveAttributeAsync("aria-describedby", "width-problem");
        await Browser.ShootAsync(page, "problems");
        await page.GetByLabel("Width", new() { Exact = true }).FillAsync("512");
        await Assertions.Expect(page.Locator("#width-problem")).ToBeHiddenAsync();

        api.Store.Down = true;
        await page.GetByLabel("Seed", new() { Exact = true }).FillAsync("5");
        await page.GetByRole(AriaRole.Button, new() { Name = "Generate" }).ClickAsync();
        await Assertions.Expect(page.Locator("#form-problem")).ToContainTextAsync("try again shortly");
        Assert.Empty(api.Store.Submissions);
    }

    [Fact]
    public async Task A_job_can_be_canceled_reused_and_its_seed_copied()
    {
        await using var api = await TestApi.StartOnKestrelAsync();
        var id = await api.SubmitAsync("""{"prompt":"an owl, 3d style, on a purple background","seed":1234,"width":512,"num_inference_steps":33,"scheduler":"heun"}""");
        var page = await browser.OpenAsync(api.Client.BaseAddress!);
        api.Store.Progress(id, 1, 33);
        var card = page.Locator(".job");
        await Assertions.Expect(card).ToContainTextAsync("Step 1 of 33");

        await card.GetByRole(AriaRole.Button, new() { Name = "Copy seed" }).ClickAsync();
        await Assertions.Expect(page.GetByText("Seed 1234 copied")).ToBeVisibleAsync();
        Assert.Equal("1234", await page.EvaluateAsync<string>("navigator.clipboard.readText()"));
        await card.GetByRole(AriaRole.Button, new() { Name = "Reuse" }).ClickAsync();
        await Assertions.Expect(page.GetByLabel("Prompt")).ToHaveValueAsync("an owl, 3d style, on a purple background");
        await Assertions.Expect(page.GetByLabel("Width", new() { Exact = true })).ToHaveValueAsync("512");
        await Assertions.Expect(page.GetByLabel("Scheduler")).ToHaveValueAsync("heun");
        await Assertions.Expect(page.GetByLabel("Seed", new() { Exact = true })).ToHaveValueAsync("1234");
        await card.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        await Assertions.Expect(card).ToContainTextAsync("Canceled");
        Assert.Equal(JobStatus.Canceled, (await api.Store.GetAsync(id, default))!.Status);
    }

    [Theory]
    [InlineData(1360, 900, false, "gallery")]
    [InlineData(1360, 900, true, "gallery-dark")]
    [InlineData(390, 844, true, "gallery-phone")]
    public async Task Many_jobs_fit_any_window(int width, int height, bool dark, string name)
    {
        await using var api = await TestApi.StartOnKestrelAsync();
        await FillAsync(api);
        var page = await browser.OpenAsync(api.Client.BaseAddress!, width, height, dark);
        var complaints = Complaints(page);

        await Assertions.Expect(page.Locator(".job")).ToHaveCountAsync(7);
        await Assertions.Expect(page.Locator(".job").Nth(0)).ToContainTextAsync("Waiting");
        await Assertions.Expect(page.Locator(".job").Nth(1)).ToContainTextAsync("Step 12 of 20");
        await Assertions.Expect(page.Locator(".job").Nth(3)).ToContainTextAsync("The U-Net returned values that are not numbers.");
        await page.WaitForLoadStateAsync(LoadState.Load);
        Assert.False(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth > innerWidth"), "the page scrolls sideways");
        await Browser.ShootAsync(page, name);
        Assert.Empty(complaints);
    }

    [Fact]
    public async Task Older_jobs_come_on_demand()
    {
        await using var api = await TestApi.StartOnKestrelAsync();
        for (var i = 0; i < 30; i++)
        {
            var id = await api.SubmitAsync();
            api.Clock.Advance(TimeSpan.FromMilliseconds(2));
            await api.DeleteAsync($"/v1/jobs/{id}");
        }
        var page = await browser.OpenAsync(api.Client.BaseAddress!);
        await Assertions.Expect(page.Locator(".job")).ToHaveCountAsync(24);
        await page.GetByRole(AriaRole.Button, new() { Name = "Show older" }).ClickAsync();
        await Assertions.Expect(page.Locator(".job")).ToHaveCountAsync(30);
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Show older" })).ToBeHiddenAsync();
    }

    private static async Task FillAsync(TestApi api)
    {
        (string Prompt, SKColor Ground, SKColor Fruit)[] done =
        [
            ("a plum, 3d style, on a yellow background", new SKColor(0xF2, 0xC9, 0x4C), new SKColor(0x6D, 0x2E, 0x8C)),
            ("a lemon, flat style, on a green background", new SKColor(0x4C, 0xA8, 0x6B), new SKColor(0xF4, 0xD3, 0x35)),
        ];
        foreach (var (prompt, ground, fruit) in done)
            api.Succeed(await Submit(api, prompt), Pictures.Fruit(256, ground, fruit));
        var four = await Submit(api, "a red apple, 3d style, on a blue background", ",\"num_images\":4");
        api.Succeed(four, [.. Enumerable.Range(0, 4).Select(i => Pictures.Fruit(256, Blue, new SKColor((byte)(0xD8 - (i * 20)), (byte)(0x2F + (i * 35)), 0x2F)))]);
        api.Store.Fail(await Submit(api, "an orange, flat style, on a white background"), "numeric", "The U-Net returned values that are not numbers.");
        await api.DeleteAsync($"/v1/jobs/{await Submit(api, "a pear nobody waited for")}");
        var running = await Submit(api, "a peach, 3d style, on a teal background");
        api.Store.Progress(running, 12, 20);
        api.Store.Preview(running, 0, 12, 20, Pictures.Fruit(32, new SKColor(0x2A, 0x9D, 0x8F), new SKColor(0xF4, 0xA2, 0x61), 0.8f), 32, 32);
        await Submit(api, "a coconut that waits its turn");
    }

    private static async Task<JobId> Submit(TestApi api, string prompt, string more = "")
    {
        api.Clock.Advance(TimeSpan.FromSeconds(1));
        return await api.SubmitAsync($$"""{"prompt":"{{prompt}}","seed":42{{more}}}""");
    }

    // Errors in the console, refused by the content security policy included, and requests to anywhere else.
    private static List<string> Complaints(IPage page)
    {
        var complaints = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                complaints.Add(message.Text);
        };
        page.PageError += (_, error) => complaints.Add(error);
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith("http://127.0.0.1", StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal))
                complaints.Add(request.Url);
        };
        return complaints;
    }
}
