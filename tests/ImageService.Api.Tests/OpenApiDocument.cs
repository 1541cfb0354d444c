using System.Net;
using System.Text.Json;
using ImageService.Api.Jobs;

namespace ImageService.Api.Tests;

/// <summary>The document says what the service does, field by field.</summary>
public sealed class OpenApiDocument
{
    [Fact]
    public async Task Every_operation_is_documented_with_its_problems()
    {
        await using var api = await TestApi.StartAsync();
        var document = (await api.GetAsync("/openapi/v1.json")).Json;
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "openapi.json"), document.GetRawText());

        var operations = new Dictionary<string, JsonElement>();
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
                operations.Add($"{operation.Name.ToUpperInvariant()} {path.Name}", operation.Value);
        }
        Assert.Equal(
            ["DELETE /v1/jobs/{id}", "GET /v1/jobs", "GET /v1/jobs/{id}", "GET /v1/jobs/{id}/events", "GET /v1/jobs/{id}/images/{index}",
                "GET /v1/models", "GET /v1/models/{id}", "GET /v1/schedulers", "POST /v1/jobs"],
            operations.Keys.Order(StringComparer.Ordinal));
        Assert.All(operations.Values, operation =>
        {
            Assert.NotEmpty(operation.GetProperty("operationId").GetString()!);
            Assert.NotEmpty(operation.GetProperty("summary").GetString()!);
            Assert.NotEmpty(operation.GetProperty("tags").EnumerateArray());
            foreach (var response in operation.GetProperty("responses").EnumerateObject().Where(r => r.Name[0] is '4' or '5' && r.Name != "416"))
                Assert.Equal("application/problem+json", Assert.Single(response.Value.GetProperty("content").EnumerateObject()).Name);
        });
        Assert.Equal(operations.Count, operations.Values.Select(o => o.GetProperty("operationId").GetString()).Distinct().Count());
        Assert.Equal(["200", "202", "400", "404", "413", "415", "422", "429", "503"],
            operations["POST /v1/jobs"].GetProperty("responses").EnumerateObject().Select(r => r.Name).Order());
    }

    [Fact]
    public async Task Every_field_of_a_request_is_documented_with_its_range()
    {
        await using var api = await TestApi.StartAsync();
        var schema = Schema((await api.GetAsync("/openapi/v1.json")).Json, "JobRequest");

        var properties = schema.GetProperty("properties").EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
        Assert.Equal(JobFields.Names.Order(StringComparer.Ordinal), properties.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["prompt"], schema.GetProperty("required").EnumerateArray().Select(r => r.GetString()));
        Assert.False(schema.GetProperty("additionalProperties").GetBoolean());
        Assert.All(properties, p => Assert.True(p.Value.GetRawText().Contains("\"description\"", StringComparison.Ordinal), p.Key));
        foreach (var (name, least, most) in new[] { ("num_inference_steps", 1, 1000), ("guidance_scale", 0, 100), ("num_images", 1, 16), ("priority", -10, 10) })
        {
            Assert.Equal(least, properties[name].GetProperty("minimum").GetDouble());
            Assert.Equal(most, properties[name].GetProperty("maximum").GetDouble());
        }
        Assert.Equal(4096, properties["prompt"].GetProperty("maxLength").GetInt32());
    }

    [Theory]
    [InlineData("Job", "job")]
    [InlineData("Image", "image")]
    [InlineData("JobTimings", "timings")]
    [InlineData("JobError", "error")]
    [InlineData("JobList", "list")]
    [InlineData("Model", "model")]
    [InlineData("ModelList", "models")]
    [InlineData("SchedulerList", "schedulers")]
    [InlineData("Problem", "problem")]
    public async Task Answers_have_the_documented_fields_and_no_others(string schemaName, string answer)
    {
        await using var api = await TestApi.StartAsync();
        var done = await api.SubmitAsync();
        api.Succeed(done, [1]);
        var failed = await api.SubmitAsync();
        api.Store.Fail(failed, "numeric", "No numbers.");
        var job = (await api.GetAsync($"/v1/jobs/{done}")).Json;
        var real = answer switch
        {
            "job" => job,
            "image" => job.GetProperty("images")[0],
            "timings" => job.GetProperty("timings"),
            "error" => (await api.GetAsync($"/v1/jobs/{failed}")).Json.GetProperty("error"),
            "list" => (await api.GetAsync("/v1/jobs")).Json,
            "model" => (await api.GetAsync("/v1/models/starter")).Json,
            "models" => (await api.GetAsync("/v1/models")).Json,
            "schedulers" => (await api.GetAsync("/v1/schedulers")).Json,
            _ => (await api.PostAsync("{}")).Json,
        };

        var documented = Schema((await api.GetAsync("/openapi/v1.json")).Json, schemaName).GetProperty("properties");

        Assert.Equal(documented.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal), real.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        foreach (var property in documented.EnumerateObject().Where(p => p.Value.TryGetProperty("enum", out _)))
            Assert.Contains(real.GetProperty(property.Name).GetString(), property.Value.GetProperty("enum").EnumerateArray().Select(e => e.GetString()));
    }

    [Fact]
    public async Task Its_page_is_served()
    {
        await using var api = await TestApi.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/swagger/index.html")).Status);
    }

    private static JsonElement Schema(JsonElement document, string name) => document.GetProperty("components").GetProperty("schemas").GetProperty(name);
}
