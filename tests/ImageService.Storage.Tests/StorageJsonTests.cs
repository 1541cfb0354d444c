using ImageService.Core;

namespace ImageService.Storage.Tests;

public sealed class StorageJsonTests
{
    private const string Oldest =
        """{"model":"m","prompt":"p","width":64,"height":64,"num_inference_steps":4,"guidance_scale":1,"scheduler":"euler","seed":1""";

    [Fact]
    public void A_request_written_before_a_field_existed_has_its_default()
    {
        var request = StorageJson.Read<GenerationRequest>(Oldest + "}");
        Assert.Equal(("", 1, 1f, PromptSyntax.Plain), (request.NegativePrompt, request.NumImages, request.Strength, request.PromptSyntax));
    }

    [Fact]
    public void A_field_that_a_newer_program_wrote_is_skipped() =>
        Assert.Equal("p", StorageJson.Read<GenerationRequest>(Oldest + ""","from_the_future":{"a":[1]}}""").Prompt);

    [Fact]
    public void Names_are_snake_case() =>
        Assert.Contains("\"num_inference_steps\":4", StorageJson.Write(StorageJson.Read<GenerationRequest>(Oldest + "}")), StringComparison.Ordinal);
}
