using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace ImageService.Api.OpenApi;

/// <summary>What belongs to the document as a whole.</summary>
internal sealed class DocumentDetails : IDocumentFilter
{
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        swaggerDoc.Servers = [new OpenApiServer { Url = "/", Description = "This service" }];
        swaggerDoc.Tags = new HashSet<OpenApiTag>
        {
            new() { Name = "Jobs", Description = "Submit, watch, cancel, and fetch the pictures." },
            new() { Name = "Models", Description = "What a request may name." },
        };
        // An empty requirement: no credentials are needed.
        swaggerDoc.Security = [new OpenApiSecurityRequirement()];
        var properties = swaggerDoc.Components?.Schemas?.Values.SelectMany(s => s.Properties?.Values ?? []) ?? [];
        // OpenAPI 3.0 allows nullable only beside a type.
        foreach (var property in properties.OfType<OpenApiSchema>().Where(p => p is { Type: JsonSchemaType.Null, AllOf.Count: > 0 }))
            property.Type = JsonSchemaType.Object | JsonSchemaType.Null;
    }
}
