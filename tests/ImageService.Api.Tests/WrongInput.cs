using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace ImageService.Api.Tests;

/// <summary>Whatever a client sends wrong is answered with the field and what it may hold, never with a 500, and never loses a job.</summary>
public sealed class WrongInput
{
    public static TheoryData<string, string, string> Fields => new()
    {
        // Body, the field that is named, what the sentence says of the allowed range.
        { """{"prompt":"a","width":0}""", "width", "a multiple of 64 from 64 to 2048" },
        { """{"prompt":"a","width":7}""", "width", "a multiple of 64 from 64 to 2048" },
        { """{"prompt":"a","width":513}""", "width", "a multiple of 64 from 64 to 2048" },
        { """{"prompt":"a","width":100000}""", "width", "a multiple of 64 from 64 to 2048" },
        { """{"prompt":"a","width":-64}""", "width", "a multiple of 64 from 64 to 2048" },
        { """{"prompt":"a","height":0}""", "height", "a multiple of 64 from 64 to 2048" },
        { """{"prompt":"a","height":7}""", "height", "a multiple of 64 from 64 to 2048" },
        { """{"prompt":"a","height":513}""", "height", "a multiple of 64 from 64 to 2048" },
        { """{"prompt":"a","height":2147483647}""", "height", "a multiple of 64 from 64 to 2048" },
        { """{"prompt":"a","height":2147483648}""", "height", "a whole number of pixels" },
        { """{"prompt":"a","width":256.5}""", "width", "a whole number of pixels" },
        { """{"prompt":"a","width":"256"}""", "width", "a whole number of pixels" },
        { """{"prompt":"a","width":[256]}""", "width", "a whole number of pixels" },
        { """{"prompt":"a","width":true}""", "width", "a whole number of pixels" },
        { """{"prompt":"a","num_inference_steps":0}""", "num_inference_steps", "from 1 to 1000" },
        { """{"prompt":"a","num_inference_steps":1001}""", "num_inference_steps", "from 1 to 1000" },
        { """{"prompt":"a","guidance_scale":-1}""", "guidance_scale", "from 0 to 100" },
        { """{"prompt":"a","guidance_scale":100.5}""", "guidance_scale", "from 0 to 100" },
        { """{"prompt":"a","guidance_scale":"NaN"}""", "guidance_scale", "from 0 to 100" },
        { """{"prompt":"a","guidance_scale":NaN}""", "guidance_scale", "from 0 to 100" },
        { """{"guidance_scale" : -Infinity, "prompt":"a"}""", "guidance_scale", "from 0 to 100" },
        { """{"prompt":"a","width":Infinity}""", "width", "a whole number of pixels" },
        { """{"prompt":"a","guidance_scale":1e999}""", "guidance_scale", "from 0 to 100" },
        { """{"prompt":"a","guidance_scale":-1e999}""", "guidance_scale", "from 0 to 100" },
        { """{"prompt":"a","guidance_rescale":1.5}""", "guidance_rescale", "from 0 to 1" },
        { """{"prompt":"a","scheduler":"magic"}""", "scheduler", "one of ddim, ddpm" },
        { """{"prompt":"a","scheduler":""}""", "scheduler", "one of ddim, ddpm" },
        { """{"prompt":"a","scheduler":7}""", "scheduler", "name of a scheduler" },
        { """{"prompt":"a","stepz":20}""", "stepz", "not a field of this request" },
        { """{"prompt":"a","Width":256}""", "Width", "not a field of this request" },
        { """{"prompt":"a","metadata":{"k":7}}""", "metadata", "an object of at most 16 texts" },
        { """{"prompt":"a","metadata":{"k":null}}""", "metadata", "an object of at most 16 texts" },
        { """{"prompt":"a","metadata":{"":"v"}}""", "metadata", "keys of 1 to 64" },
        { """{"prompt":"a","metadata":[]}""", "metadata", "an object of at most 16 texts" },
        { """{}""", "prompt", "1 to 4,096 characters" },
        { """{"prompt":null}""", "prompt", "1 to 4,096 characters" },
        { """{"prompt":""}""", "prompt", "1 to 4,096 characters" },
        { """{"prompt":" \t\n"}""", "prompt", "1 to 4,096 characters" },
        { """{"prompt":7}""", "prompt", "1 to 4,096 characters" },
        { """{"prompt":["a"]}""", "prompt", "1 to 4,096 characters" },
        { """{"prompt":"a\ud800b"}""", "prompt", "1 to 4,096 characters" },
        { """{"prompt":"a\u0000b"}""", "prompt", "without NUL" },
        { """{"prompt":"a","negative_prompt":"\u0000"}""", "negative_prompt", "without NUL" },
        { """{"prompt":"a","num_images":0}""", "num_images", "from 1 to 16" },
        { """{"prompt":"a","num_images":17}""", "num_images", "from 1 to 16" },
        { """{"prompt":"a","width":2048,"height":2048,"num_images":5}""", "num_images", "num_images must be from 1 to 4" },
        { """{"prompt":"a","seed":-1}""", "seed", "from 0 to 9223372036854775807" },
        { """{"prompt":"a","seed":9223372036854775808}""", "seed", "from 0 to 9223372036854775807" },
        { """{"prompt":"a","seed":9223372036854775800,"num_images":16}""", "seed", "from 0 to 9223372036854775792" },
        { """{"prompt":"a","seed":1.5}""", "seed", "a whole number" },
        { """{"prompt":"a","strength":0}""", "strength", "greater than 0 and at most 1" },
        { """{"prompt":"a","strength":1.5}""", "strength", "greater than 0 and at most 1" },
        { """{"prompt":"a","strength":"NaN"}""", "strength", "greater than 0 and at most 1" },
        { """{"prompt":"a","clip_skip":3}""", "clip_skip", "from 0 to 2" },
        { """{"prompt":"a","clip_skip":-1}""", "clip_skip", "from 0 to 2" },
        { """{"prompt":"a","preview_every":-1}""", "preview_every", "from 0 to 1000" },
        { """{"prompt":"a","preview_every":1001}""", "preview_every", "from 0 to 1000" },
        { """{"prompt":"a","priority":11}""", "priority", "from -10 to 10" },
        { """{"prompt":"a","priority":-11}""", "priority", "from -10 to 10" },
        { """{"prompt":"a","rng":"xorshift"}""", "rng", "philox" },
        { """{"prompt":"a","rng":0}""", "rng", "philox" },
        { """{"prompt":"a","output_format":"gif"}""", "output_format", "png" },
        { """{"prompt":"a","prompt_syntax":"comfy"}""", "prompt_syntax", "a1111" },
        { """{"prompt":"a","determinism":"maybe"}""", "determinism", "exact" },
        { """{"prompt":"a","model":7}""", "model", "the id of a model" },
        { """{"prompt":"a","image":7}""", "image", "PNG, JPEG or WebP" },
    };

    [Theory]
    [MemberData(nameof(Fields))]
    public async Task A_wrong_field_is_named_with_what_it_may_hold(string body, string field, string allowed)
    {
        await using var api = await TestApi.StartAsync();

        var answer = await api.PostAsync(body);

        Assert.Equal((HttpStatusCode.BadRequest, "invalid-request"), (answer.Status, answer.Problem));
        Assert.Equal([field], answer.Fields);
        Assert.Contains(allowed, answer.Sentence(field), StringComparison.Ordinal);
        Assert.Empty(api.Store.Submissions);
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_named_at_once()
    {
        await using var api = await TestApi.StartAsync();
        var ranges = await api.PostAsync("""{"prompt":"","width":7,"num_images":0}""");
        Assert.Equal(["num_images", "prompt", "width"], ranges.Fields.Order());
        var shapes = await api.PostAsync("""{"prompt":1,"width":"x","colour":"red"}""");
        Assert.Equal(["colour", "prompt", "width"], shapes.Fields.Order());
    }

    [Theory]
    [InlineData("", "invalid-json")]
    [InlineData("""{"prompt":"a""", "invalid-json")]
    [InlineData("""{"prompt":"a","guidance_scale":nan}""", "invalid-json")]
    [InlineData("""{"prompt":"a","metadata":{"seed":NaN}}""", "invalid-json")]
    [InlineData("""{"prompt":"a","prompt":"b"}""", "invalid-json")]
    [InlineData("""{"prompt":"a","metadata":{"k":"1","k":"2"}}""", "invalid-json")]
    [InlineData("""{"prompt":"a",}""", "invalid-json")]
    [InlineData("""{"prompt":"a"} x""", "invalid-json")]
    [InlineData("""{"prompt":"a"/* why */}""", "invalid-json")]
    [InlineData("""{"\ud800":"a"}""", "invalid-json")]
    [InlineData("""{"prompt":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}""", "invalid-json")]
    [InlineData("""[1]""", "invalid-request")]
    [InlineData("null", "invalid-request")]
    [InlineData("\"a red apple\"", "invalid-request")]
    public async Task A_body_that_is_no_JSON_object_is_refused(string body, string problem)
    {
        await using var api = await TestApi.StartAsync();
        var answer = await api.PostAsync(body);
        Assert.Equal((HttpStatusCode.BadRequest, problem), (answer.Status, answer.Problem));
        Assert.Empty(api.Store.Submissions);
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_are_refused()
    {
        await using var api = await TestApi.StartAsync();
        byte[] body = [.. "{\"prompt\":\""u8, 0xC3, 0x28, .. "\"}"u8];
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var answer = await api.PostAsync(content);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.NotEmpty(answer.Problem);
    }

    [Fact]
    public async Task A_byte_order_mark_is_no_mistake()
    {
        await using var api = await TestApi.StartAsync();
        var content = new ByteArrayContent([0xEF, 0xBB, 0xBF, .. "{\"prompt\":\"a\"}"u8]);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        Assert.Equal(HttpStatusCode.Accepted, (await api.PostAsync(content)).Status);
    }

    [Theory]
    [InlineData(4096, HttpStatusCode.Accepted)]
    [InlineData(4097, HttpStatusCode.BadRequest)]
    [InlineData(5000, HttpStatusCode.BadRequest)]
    [InlineData(1_000_000, HttpStatusCode.BadRequest)]
    public async Task Prompts_have_at_most_4096_characters(int length, HttpStatusCode expected)
    {
        await using var api = await TestApi.StartAsync();
        Assert.Equal(expected, (await api.PostAsync($$"""{"prompt":"{{new string('a', length)}}"}""")).Status);
    }

    [Fact]
    public async Task Characters_are_counted_as_Unicode_counts_them()
    {
        await using var api = await TestApi.StartAsync();
        var apples = string.Concat(Enumerable.Repeat("\U0001F34E", 4096));
        Assert.Equal(HttpStatusCode.Accepted, (await api.PostAsync($$"""{"prompt":"{{apples}}"}""")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.PostAsync($$"""{"prompt":"{{apples}}a"}""")).Status);
    }

    [Theory]
    [InlineData("<|endoftext|>")]
    [InlineData("'; DROP TABLE jobs; --")]
    [InlineData("<script>alert(1)</script> ../../etc/passwd")]
    [InlineData("\u202Eright to left\u200B and \u0301\u0301\u0301 marks")]
    [InlineData("two\nlines\tand a tab")]
    public async Task Odd_prompts_are_prompts(string prompt)
    {
        await using var api = await TestApi.StartAsync();
        await api.SubmitAsync(JsonSerializer.Serialize(new { prompt }));
        Assert.Equal(prompt, api.Store.Submissions[0].Request.Prompt);
    }

    [Fact]
    public async Task A_body_of_17_MB_is_refused_with_and_without_its_length_announced()
    {
        await using var api = await TestApi.StartAsync();
        var body = Encoding.ASCII.GetBytes($$"""{"prompt":"{{new string('a', 17_000_000)}}"}""");
        var announced = new ByteArrayContent(body);
        announced.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var chunked = new StreamContent(new Unseekable(body));
        chunked.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        foreach (var content in (HttpContent[])[announced, chunked])
        {
            var answer = await api.PostAsync(content);
            Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "body-too-large"), (answer.Status, answer.Problem));
        }
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData(null)]
    public async Task What_does_not_say_JSON_is_not_read(string? contentType)
    {
        await using var api = await TestApi.StartAsync();
        var content = new ByteArrayContent("{\"prompt\":\"a\"}"u8.ToArray());
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        var answer = await api.PostAsync(content);
        Assert.Equal((HttpStatusCode.UnsupportedMediaType, "unsupported-media-type"), (answer.Status, answer.Problem));
    }

    [Fact]
    public async Task Compressed_bodies_are_not_read()
    {
        await using var api = await TestApi.StartAsync();
        var content = new ByteArrayContent([0x1F, 0x8B, 8, 0]);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        content.Headers.ContentEncoding.Add("gzip");
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await api.PostAsync(content)).Status);
    }

    [Theory]
    [InlineData("nothing-of-that-name")]
    [InlineData("../../etc/passwd")]
    [InlineData("starter/../starter")]
    [InlineData("")]
    public async Task An_unknown_model_is_a_404_that_names_the_known_ones(string model)
    {
        await using var api = await TestApi.StartAsync();
        var answer = await api.PostAsync($$"""{"prompt":"a","model":"{{model}}"}""");
        Assert.Equal((HttpStatusCode.NotFound, "model-not-found"), (answer.Status, answer.Problem));
        Assert.Contains("starter", answer.Sentence("model"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("job_00000000000000000000000000")]
    [InlineData("x")]
    [InlineData("..%2Fx")]
    [InlineData("%2e%2e")]
    [InlineData("job_0000000000000000000000000U")]
    public async Task An_unknown_job_is_a_404_everywhere(string id)
    {
        await using var api = await TestApi.StartAsync();
        foreach (var answer in (Answer[])[await api.GetAsync($"/v1/jobs/{id}"), await api.DeleteAsync($"/v1/jobs/{id}"),
            await api.GetAsync($"/v1/jobs/{id}/events"), await api.GetAsync($"/v1/jobs/{id}/images/0")])
        {
            Assert.Equal(HttpStatusCode.NotFound, answer.Status);
            Assert.NotEmpty(answer.Problem);
        }
    }

    [Fact]
    public async Task A_job_that_was_removed_is_a_410_everywhere()
    {
        await using var api = await TestApi.StartAsync();
        var id = Core.JobId.New(api.Clock);
        api.Store.Removed.Add(id);
        foreach (var answer in (Answer[])[await api.GetAsync($"/v1/jobs/{id}"), await api.DeleteAsync($"/v1/jobs/{id}"),
            await api.GetAsync($"/v1/jobs/{id}/events"), await api.GetAsync($"/v1/jobs/{id}/images/0")])
            Assert.Equal((HttpStatusCode.Gone, "job-gone"), (answer.Status, answer.Problem));
    }

    [Fact]
    public async Task A_job_id_of_4_kB_is_a_404()
    {
        await using var api = await TestApi.StartAsync();
        var answer = await api.GetAsync("/v1/jobs/" + new string('a', 4096));
        Assert.Equal((HttpStatusCode.NotFound, "job-not-found"), (answer.Status, answer.Problem));
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=101", "limit")]
    [InlineData("limit=many", "limit")]
    [InlineData("before=../x", "before")]
    [InlineData("status=lost", "status")]
    [InlineData("status=1", "status")]
    public async Task A_wrong_query_is_named(string query, string parameter)
    {
        await using var api = await TestApi.StartAsync();
        var answer = await api.GetAsync("/v1/jobs?" + query);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid-request"), (answer.Status, answer.Problem));
        Assert.Equal([parameter], answer.Fields);
    }

    [Fact]
    public async Task Metadata_has_at_most_16_entries_of_limited_length()
    {
        await using var api = await TestApi.StartAsync();
        static string Body(int entries, int key, int value) => JsonSerializer.Serialize(new
        {
            prompt = "a",
            metadata = Enumerable.Range(0, entries).ToDictionary(i => $"{i:D2}{new string('k', key - 2)}", _ => new string('v', value)),
        });
        Assert.Equal(HttpStatusCode.Accepted, (await api.PostAsync(Body(16, 64, 512))).Status);
        Assert.Equal(["metadata"], (await api.PostAsync(Body(17, 64, 512))).Fields);
        Assert.Equal(["metadata"], (await api.PostAsync(Body(1, 65, 1))).Fields);
        Assert.Equal(["metadata"], (await api.PostAsync(Body(1, 64, 513))).Fields);
    }

    [Fact]
    public async Task Pixels_are_limited_where_the_installation_says_so()
    {
        await using var api = await TestApi.StartAsync(("Limits:MaxPixels", "65536"));
        var answer = await api.PostAsync("""{"prompt":"a","width":512,"height":192}""");
        Assert.Equal(["height", "width"], answer.Fields.Order());
        Assert.Contains("65,536", answer.Sentence("width"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_addresses_and_methods_are_problems_too()
    {
        await using var api = await TestApi.StartAsync();
        var nowhere = await api.GetAsync("/v2/jobs");
        Assert.Equal((HttpStatusCode.NotFound, "not-found"), (nowhere.Status, nowhere.Problem));
        var method = await api.DeleteAsync("/v1/jobs");
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "method-not-allowed"), (method.Status, method.Problem));
    }

    private sealed class Unseekable(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;
    }
}
