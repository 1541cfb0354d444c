using System.Globalization;
using System.Text.Json.Nodes;
using ImageService.Api.Jobs;
using ImageService.Core;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace ImageService.Api.OpenApi;

/// <summary>Documents what handlers read and write by hand: query values that answer for themselves when wrong, and headers.</summary>
internal sealed class HeadersAndQueries : IOperationFilter
{
    private const string UntilEnd = "In how many seconds the job will have ended, 1 to 600, while it has not and that can be told.";

    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        Describe(operation, "id", Text($"Name of the {(operation.OperationId == "getModel" ? "model" : "job")}."));
        switch (operation.OperationId)
        {
            case "submitJob":
                Add(operation, ParameterLocation.Header, "Prefer", Text("`wait=N` holds the answer up to N seconds, 0 to 300 (RFC 7240)."), "wait=30");
                Add(operation, ParameterLocation.Header, IdempotencyKeyHeader.Name,
                    Text("Makes repetition safe: 1 to 255 printable ASCII characters, quoted or bare.", maxLength: 255), "order-17");
                AddHeader(operation, "202", "Location", "Where to look at the job.");
                AddHeader(operation, "202", "Retry-After", UntilEnd);
                AddHeader(operation, "200", "Location", "Where to look at the job.");
                foreach (var status in (string[])["200", "202"])
                {
                    AddHeader(operation, status, "Preference-Applied", "The wait that was granted.");
                    AddHeader(operation, status, IdempotencyKeyHeader.ReplayedName, "`true` where the key came before and its job is returned.");
                }
                break;
            case "getJob":
                AddHeader(operation, "200", "Retry-After", UntilEnd);
                break;
            case "listJobs":
                Describe(operation, "limit", Whole("How many, 1 to 100; 20 by default.", 1, RequestRanges.MaxPage));
                Describe(operation, "before", Text("Only jobs older than this one: `next` of the page before."));
                Describe(operation, "status", OneOf("Only jobs in this state.", Enum.GetValues<JobStatus>().Select(JobListQuery.NameOf)));
                break;
            case "watchJob":
                Add(operation, ParameterLocation.Header, "Last-Event-ID", Text("The last event that was seen; the stream goes on after it."), "12");
                Add(operation, ParameterLocation.Query, "last_event_id", Text("The same for readers that cannot set headers."), "12");
                break;
            case "getImage":
                Describe(operation, "index", Whole("Which of the job's pictures, from 0.", 0, RequestRanges.MaxImages - 1));
                AddHeader(operation, "200", "ETag", "The file's SHA-256.");
                break;
        }
        foreach (var status in (string[])["429", "503"])
            AddHeader(operation, status, "Retry-After", "After how many seconds to try again: where the queue is full, when a place will be free.");
    }

    private static void Describe(OpenApiOperation operation, string name, OpenApiSchema schema)
    {
        if (operation.Parameters?.FirstOrDefault(p => p.Name == name) is not OpenApiParameter parameter)
            return;
        (parameter.Description, schema.Description) = (schema.Description, null);
        parameter.Schema = schema;
    }

    private static void Add(OpenApiOperation operation, ParameterLocation place, string name, OpenApiSchema schema, string example)
    {
        var parameter = new OpenApiParameter { Name = name, In = place, Description = schema.Description, Schema = schema, Example = JsonValue.Create(example) };
        schema.Description = null;
        (operation.Parameters ??= []).Add(parameter);
    }

    private static void AddHeader(OpenApiOperation operation, string status, string name, string description)
    {
        if (operation.Responses?.TryGetValue(status, out var found) != true || found is not OpenApiResponse response)
            return;
        response.Headers ??= new Dictionary<string, IOpenApiHeader>();
        response.Headers[name] = new OpenApiHeader { Description = description, Schema = new OpenApiSchema { Type = JsonSchemaType.String } };
    }

    private static OpenApiSchema Text(string description, int? maxLength = null) =>
        new() { Type = JsonSchemaType.String, Description = description, MaxLength = maxLength };

    private static OpenApiSchema Whole(string description, int least, int most) => new()
    {
        Type = JsonSchemaType.Integer,
        Format = "int32",
        Description = description,
        Minimum = least.ToString(CultureInfo.InvariantCulture),
        Maximum = most.ToString(CultureInfo.InvariantCulture),
    };

    private static OpenApiSchema OneOf(string description, IEnumerable<string> words) =>
        new() { Type = JsonSchemaType.String, Description = description, Enum = [.. words.Select(w => (JsonNode)JsonValue.Create(w)!)] };
}
