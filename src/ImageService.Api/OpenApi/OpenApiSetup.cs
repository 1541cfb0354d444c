using ImageService.Api.Jobs;
using Microsoft.OpenApi;

namespace ImageService.Api.OpenApi;

/// <summary>The OpenAPI document at <c>/openapi/v1.json</c> and its page at <c>/swagger</c>.</summary>
internal static class OpenApiSetup
{
    public static void AddImageOpenApi(this IServiceCollection services)
    {
        services.AddEndpointsApiExplorer();
        services.AddSwaggerGen(options =>
        {
            options.SwaggerDoc("v1", new OpenApiInfo
            {
                Title = "ImageService",
                Version = "v1",
                Description = "Text to image with Stable Diffusion. Submit a job, watch it, fetch its pictures. "
                    + "Failures are RFC 9457 problems whose `type` is stable.",
                License = new OpenApiLicense { Name = "MIT", Url = new Uri("https://opensource.org/license/mit") },
            });
            options.SupportNonNullableReferenceTypes();
            options.UseInlineDefinitionsForEnums();
            options.UseAllOfToExtendReferenceSchemas();
            options.NonNullableReferenceTypesAsRequired();
            options.DocumentFilter<DocumentDetails>();
            options.OperationFilter<HeadersAndQueries>();
            options.CustomSchemaIds(SchemaName);
            var documentation = Path.Combine(AppContext.BaseDirectory, typeof(ApiHost).Assembly.GetName().Name + ".xml");
            if (File.Exists(documentation))
                options.IncludeXmlComments(documentation);
        });
    }

    // JobResponse is a job and JobBody a request for one: suffixes that tell classes apart say nothing to readers of the document.
    private static string SchemaName(Type type) => type.Name switch
    {
        nameof(JobBody) => "JobRequest",
        var name when name.EndsWith("Response", StringComparison.Ordinal) => name[..^"Response".Length],
        var name when name.EndsWith("Body", StringComparison.Ordinal) => name[..^"Body".Length],
        var name => name,
    };

    public static void UseImageOpenApi(this WebApplication app)
    {
        app.MapSwagger("/openapi/{documentName}.json");
        app.UseSwaggerUI(options =>
        {
            options.RoutePrefix = "swagger";
            options.SwaggerEndpoint("/openapi/v1.json", "ImageService v1");
            options.DocumentTitle = "ImageService API";
        });
    }
}
