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
                License = new OpenApiLicense { Name = "MIT", Identifier = "MIT" },
            });
            options.SupportNonNullableReferenceTypes();
            options.NonNullableReferenceTypesAsRequired();
            var documentation = Path.Combine(AppContext.BaseDirectory, typeof(ApiHost).Assembly.GetName().Name + ".xml");
            if (File.Exists(documentation))
                options.IncludeXmlComments(documentation);
        });
    }

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
