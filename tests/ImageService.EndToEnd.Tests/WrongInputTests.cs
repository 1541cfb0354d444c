using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace ImageService.EndToEnd.Tests;

/// <summary>Wrong input against the real service: a status, a problem, the field and its range; never a 500, never a lost job.</summary>
public sealed class WrongInputTests(TinyService service) : IClassFixture<TinyService>
{
    private readonly HttpClient _client = service.Client;

    [Theory]
    [InlineData("""{"prompt":"x","width":0}""", 400, "width")]
    [InlineData("""{"prompt":"x","width":7}""", 400, "width")]
    [InlineData("""{"prompt":"x","width":513}""", 400, "width")]
    [InlineData("""{"prompt":"x","width":100000}""", 400, "width")]
    [InlineData("""{"prompt":"x","num_inference_steps":0}""", 400, "num_inference_steps")]
    [InlineData("""{"prompt":"x","num_inference_steps":1001}""", 400, "num_inference_steps")]
    [InlineData("""{"prompt":"x","guidance_scale":NaN}""", 400, null)]
    [InlineData("""{"prompt":"x","guidance_scale":"NaN"}""", 400, "guidance_scale")]
    [InlineData("""{"prompt":"x","guidance_scale":-1}""", 400, "guidance_scale")]
    [InlineData("""{"prompt":"x","scheduler":"nonsense"}""", 400, "scheduler")]
    [InlineData("""{"prompt":"x","colour":"red"}""", 400, "colour")]
    [InlineData("""{"prompt":"x","model":"nonsense"}""", 404, "model")]
    [InlineData("""{"prompt":"x","model":"../../etc/passwd"}""", 404, "model")]
    [InlineData("""{"prompt":""}""", 400, "prompt")]
    [InlineData("""{"prompt":"x","num_images":0}""", 400, "num_images")]
    [InlineData("""{"prompt":"x","num_images":17}""", 400, "num_images")]
    [InlineData("""{"prompt":"x","strength":0}""", 400, "strength")]
    [InlineData("""{"prompt":"x","mask_image":"iVBORw0KGgo="}""", 400, "mask_image")]
    [InlineData("""{"prompt":"x" """, 400, null)]
    public async Task Is_refused_with_the_field_and_its_range(string body, int status, string? field)
    {
        var problem = await RefusedAsync(new StringContent(body, Encoding.UTF8, "application/json"), status);
        if (field is not null)
            Assert.NotNull(problem["errors"]?[field]);
    }

    [Theory]
    [InlineData(5_000)]
    [InlineData(1_000_000)]
    public async Task A_prompt_that_is_too_long_is_refused(int characters)
    {
        var body = new JsonObject { ["prompt"] = new string('a', characters) }.ToJsonString();
        var problem = await RefusedAsync(new StringContent(body, Encoding.UTF8, "application/json"), 400);
        Assert.Contains("4,096", problem["errors"]!["prompt"]![0]!.GetValue<string>());
    }

    [Fact]
    public async Task A_body_of_17_MB_is_refused() =>
        await RefusedAsync(new StringContent($$"""{"prompt":"x","image":"{{new string('A', 17_000_000)}}"}""", Encoding.UTF8, "application/json"), 413);

    [Fact]
    public async Task A_body_that_is_not_JSON_is_refused() => await RefusedAsync(new StringContent("prompt=x", Encoding.UTF8, "application/x-www-form-urlencoded"), 415);

    [Theory]
    [InlineData("/v1/jobs/job_00000000000000000000000000")]
    [InlineData("/v1/jobs/..%2f..%2fetc%2fpasswd")]
    [InlineData("/v1/jobs/x/images/0")]
    public async Task An_unknown_job_is_not_found(string path)
    {
        using var response = await _client.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task A_full_queue_says_when_to_come_back_and_loses_nothing()
    {
        var accepted = new List<string>();
        HttpResponseMessage? refused = null;
        for (var i = 0; i < 80 && refused is null; i++)
        {
            var response = await _client.PostAsync("/v1/jobs", new StringContent("""{"prompt":"x","num_inference_steps":1000}""", Encoding.UTF8, "application/json"));
            if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
                refused = response;
            else
                accepted.Add(JsonNode.Parse(await response.Content.ReadAsStringAsync())!.Id());
        }
        Assert.NotNull(refused);
        Assert.NotNull(refused.Headers.RetryAfter);
        foreach (var id in accepted)
        {
            var job = await _client.GetJobAsync(id);
            Assert.Contains(job.Status(), new[] { "queued", "running", "succeeded" });
            using var canceled = await _client.DeleteAsync($"/v1/jobs/{id}");
            canceled.EnsureSuccessStatusCode();
        }
    }

    private async Task<JsonNode> RefusedAsync(HttpContent body, int status)
    {
        using var response = await _client.PostAsync("/v1/jobs", body);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True((int)response.StatusCode == status, $"{(int)response.StatusCode}: {text}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        return JsonNode.Parse(text)!;
    }
}
