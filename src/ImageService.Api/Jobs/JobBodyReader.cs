using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ImageService.Api.Problems;
using Microsoft.Net.Http.Headers;

namespace ImageService.Api.Jobs;

/// <summary>
/// Reads a <see cref="JobBody"/> field by field rather than in one call of the serializer, so that every wrong field is named at once, with what
/// it may hold; the serializer alone stops at the first and speaks of CLR types.
/// </summary>
internal static class JobBodyReader
{
    private static readonly JsonTypeInfo Shape = ApiJson.Options.GetTypeInfo(typeof(JobBody));
    private static readonly Dictionary<string, JsonPropertyInfo> Fields = Shape.Properties.ToDictionary(p => p.Name, StringComparer.Ordinal);
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 16, AllowDuplicateProperties = false };

    /// <exception cref="ProblemException">400 with every wrong field, 413 or 415.</exception>
    public static async Task<JobBody> ReadAsync(HttpRequest request, int maxBytes, CancellationToken cancellationToken)
    {
        RequireJson(request);
        if (request.ContentLength > maxBytes)
            throw TooLarge(maxBytes);
        var reader = request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            if (read.Buffer.Length > maxBytes)
                throw TooLarge(maxBytes);
            if (read.IsCompleted)
                return ParseAndRelease(reader, read.Buffer);
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    public static JobBody Parse(ReadOnlySequence<byte> json)
    {
        using var document = ParseDocument(WithoutByteOrderMark(json));
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new ProblemException(ProblemKind.InvalidRequest, "The body must be a JSON object.");
        var errors = new FieldErrors();
        var body = new JobBody();
        foreach (var property in document.RootElement.EnumerateObject())
            Set(body, property, errors);
        errors.ThrowIfAny();
        return body;
    }

    private static JobBody ParseAndRelease(PipeReader reader, ReadOnlySequence<byte> json)
    {
        try
        {
            return Parse(json);
        }
        finally
        {
            reader.AdvanceTo(json.End);
        }
    }

    private static JsonDocument ParseDocument(ReadOnlySequence<byte> json)
    {
        try
        {
            return JsonDocument.Parse(json, Strict);
        }
        catch (JsonException) when (NonFiniteNumber.Field(json) is { } field && Fields.ContainsKey(field))
        {
            throw ProblemException.Field(field, JobFields.MustBe(field));
        }
        catch (JsonException e)
        {
            var where = e.LineNumber is { } line ? $" at line {line + 1}, byte {e.BytePositionInLine + 1}" : "";
            var what = e.Message.Contains("duplicate", StringComparison.OrdinalIgnoreCase) ? "A field occurs twice" : "The body is not valid JSON";
            throw new ProblemException(ProblemKind.InvalidJson, $"{what}{where}.");
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair in a name: names are compared while parsing.
            throw new ProblemException(ProblemKind.InvalidJson, "The name of a field is not valid Unicode text.");
        }
    }

    private static void Set(JobBody body, JsonProperty property, FieldErrors errors)
    {
        var name = property.Name;
        if (!Fields.TryGetValue(name, out var field))
        {
            var shown = name.Length <= 64 ? name : name[..64] + "...";
            errors.Add(shown, $"'{shown}' is not a field of this request; the fields are {string.Join(", ", JobFields.Names)}.");
            return;
        }
        if (property.Value.ValueKind == JsonValueKind.Null)
            return;
        try
        {
            field.Set!(body, property.Value.Deserialize(field.PropertyType, ApiJson.Options));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            errors.Add(name, JobFields.MustBe(name));
        }
    }

    private static void RequireJson(HttpRequest request)
    {
        var isJson = MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            && (type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
                || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase))
            && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase));
        if (!isJson)
            throw new ProblemException(ProblemKind.NotJson, "Send Content-Type: application/json, in UTF-8.");
        if (request.Headers.ContentEncoding.Count > 0)
            throw new ProblemException(ProblemKind.NotJson, "Send the body without Content-Encoding; compressed bodies are not read.");
    }

    private static ReadOnlySequence<byte> WithoutByteOrderMark(ReadOnlySequence<byte> json)
    {
        var reader = new SequenceReader<byte>(json);
        return reader.IsNext([0xEF, 0xBB, 0xBF]) ? json.Slice(3) : json;
    }

    private static ProblemException TooLarge(int maxBytes) =>
        new(ProblemKind.BodyTooLarge, $"The body may have at most {maxBytes:N0} bytes.");
}
